"""Every image of a split, or some, decoded by all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from zoo.data.autotuning import without_autotuning
from zoo.data.decode import as_channels
from zoo.data.pipeline import decoded_example
from zoo.data.splits import Split
from zoo.data.without_autograph import without_autograph
from zoo.lazy import lazy_module
from zoo.progress import with_progress

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_IMAGES_AHEAD = 8


def visit(
    split: Split,
    rows: np.ndarray,
    channels: int,
    of_image: Callable[[tf.Tensor], tf.Tensor],
    what: str,
) -> Iterator[tuple[np.ndarray, int]]:
    """Yields (`of_image(image)`, label) of the examples at `rows`.

    Args:
      rows: int [N].
      channels: 1 or 3, of the images, whatever the split has.
      of_image: uint8 [H,W,channels] -> a tensor; runs in a graph.
      what: is done to them, for the progress line.

    Raises:
      tf.errors.OpError: an image that cannot be decoded; within `named_errors` it gets its name.
    """
    @without_autograph
    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image, label = decoded_example(split, index)
        return of_image(as_channels(image, channels)), label

    dataset = tf.data.Dataset.from_tensor_slices(np.asarray(rows, np.int64))
    dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    images = without_autotuning(dataset.prefetch(_IMAGES_AHEAD)).as_numpy_iterator()
    yield from with_progress(images, len(rows), what)


def some_rows(split: Split, count: int, seed: int) -> np.ndarray:
    """int [min(count, N)]: examples drawn without repetition; 0 for all, in their order."""
    if count < 0:
        raise ValueError(f"count out of range, got {count}; expected 0, for all, or more")
    if not count:
        return np.arange(split.num_examples)
    return np.random.default_rng(seed).permutation(split.num_examples)[:count]
