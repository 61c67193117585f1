"""A small training set whole in the memory of each device, which picks its batches there.

    order = index_batches(split, batch_size=128, seed=0)      what the host sends: 8 bytes an image
    pick = make_pick(split, strategy, image_size=32, channels=3)
    images, labels = pick(index)                              in each replica

For sets as MNIST and CIFAR: on a fast device to copy the images costs more than the step.
"""

from __future__ import annotations

from collections.abc import Callable

from zoo.data.cache import fits_resized, resize_once
from zoo.data.decode import as_channels
from zoo.data.methods import check_method
from zoo.data.order import batch_order
from zoo.data.pipeline import with_options
from zoo.data.splits import ArraySplit, Split
from zoo.data.without_autograph import without_autograph
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


@without_autograph
def index_batches(
    split: Split, *, batch_size: int, seed: int, start_step: int = 0, repeats: int = 1
) -> tf.data.Dataset:
    """Which images `train_batches` would show: infinite elements (index int64 [B],).

    Raises:
      ValueError: `batch_size` above the number of examples.
    """
    order = batch_order(split.num_examples, batch_size, seed, start_step, repeats)
    dataset = order.map(lambda index, _: (tf.ensure_shape(index, [batch_size]),))
    return with_options(dataset, tf.data.INFINITE_CARDINALITY, host_threads=0)


def make_pick(
    split: Split, strategy: tf.distribute.Strategy, *, image_size: int, channels: int,
    resizing: str = "area", host_ops: str = "auto",
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Copies the images, resized, to each device; returns what picks there.

    `pick(index int64 [B]) -> (images uint8 [B, S, S, C], labels int64 [B])` is called in a replica
    of `strategy`. The images are those of `train_batches` with `crop_area=None`, to the bit.

    Args:
      split: see `check_on_device`.
      image_size: S, pixels.
      channels: C, 1 or 3, whatever the split has.
      resizing: one of `zoo.data.methods.METHODS`.
      host_ops: one of `zoo.data.host_ops.CHOICES`.

    Raises:
      ValueError: an unknown resizing or host_ops, or as of `check_on_device`.
    """
    check_method(resizing)
    check_on_device(split, image_size)
    split = resize_once(split, image_size, resizing, host_ops)
    with strategy.scope():
        images = tf.Variable(split.images, trainable=False)
        labels = tf.Variable(split.labels, dtype=tf.int64, trainable=False)

    # Compiled whatever the model is: on GPUs TensorFlow itself gathers no uint8.
    @tf.function(jit_compile=True, autograph=False)
    def gather(images, labels, index):
        return as_channels(tf.gather(images, index), channels), tf.gather(labels, index)

    return lambda index: gather(images.read_value(), labels.read_value(), index)


def check_on_device(split: Split, image_size: int) -> None:
    """Raises ValueError for images that are not decoded in memory, of one size, and few enough."""
    if not isinstance(split, ArraySplit):
        raise ValueError(
            "data_on_device expects training images of one size that fit into cache_mb when "
            "decoded; got others: leave it out"
        )
    if not fits_resized(split, image_size):
        raise ValueError(
            f"data_on_device expects training images of at most 1 GiB at {image_size} pixels; got "
            f"{split.num_examples} of them: leave it out"
        )
