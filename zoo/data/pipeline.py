"""From a split to batches of uint8 images.

Which examples a training batch holds follows from its step: it is a row of the permutation that
belongs to (seed, epoch). So a run that starts at step k does not go through the steps before it,
and what it gets is what an unbroken run got.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from zoo.data.cache import resize_once
from zoo.data.decode import (
    as_channels,
    decode_image,
    random_resized_crop,
    resize,
    resize_and_center_crop,
)
from zoo.data.splits import ArraySplit, Split
from zoo.data.unreadable import assert_image
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# Batches that one call of the gathering function makes: the call costs more than a batch of digits.
_MAX_BATCHES_A_CALL = 32
_BYTES_A_CALL = 4 << 20

_Window = tuple[tuple[float, float], tuple[float, float]]  # area, ratio


def steps_per_epoch(split: Split, batch_size: int) -> int:
    """Full batches in an epoch: what is left over is not shown, and differs from epoch to epoch.

    Raises:
      ValueError: `batch_size` below 1 or above the number of examples.
    """
    if not 1 <= batch_size <= split.num_examples:
        raise ValueError(f"batch_size out of range, got {batch_size}; expected "
                         f"1..{split.num_examples}, the number of training examples")
    return split.num_examples // batch_size


def train_batches(
    split: Split,
    *,
    image_size: int,
    channels: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    crop_area: tuple[float, float] | None = (0.08, 1.0),
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3),
    host_threads: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Infinite batches for training; what an epoch leaves of a batch is dropped.

    Args:
      image_size: S, pixels.
      channels: C, 1 or 3, whatever the split has.
      batch_size: B, examples of all shards together.
      seed: any integer; order and crops are functions of (seed, epoch, example).
      start_step: the first batch is the one that an unbroken run gives at this step.
      crop_area, crop_ratio: the random window, see `decode.crop_window`; with `crop_area` None or
        (1, 1) the whole image is resized, or left alone when it has the size already.
      host_threads: of this input pipeline; 0 for TensorFlow's pool of one a core.
      shard: (i, n): yields the i-th n-th of every batch, for one of n worker processes.

    Returns:
      Elements (images uint8 [B/n,S,S,C], labels int32 [B/n]).

    Raises:
      ValueError: an argument out of range, or `batch_size` above the number of examples.
    """
    rows = _check(image_size, channels, batch_size, host_threads, shard, start_step)
    window = _check_window(crop_area, crop_ratio)
    order = _order(split, batch_size, rows, shard[0], seed, start_step)
    load = _loader(split, image_size, channels, window, seed)

    def gather(index: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = split.example(index)
        return as_channels(resize(images, image_size), channels), labels

    if isinstance(split, ArraySplit) and window is None:
        split = resize_once(split, image_size)
        batches_a_call = _batches_a_call(image_size, channels, rows)
        dataset = order.batch(batches_a_call, drop_remainder=True).map(gather).unbatch()
    else:
        dataset = order.unbatch().map(load, num_parallel_calls=tf.data.AUTOTUNE)
        dataset = dataset.batch(rows, drop_remainder=True, num_parallel_calls=tf.data.AUTOTUNE)
    return _with_options(dataset, tf.data.INFINITE_CARDINALITY, host_threads)


def eval_batches(
    split: Split,
    *,
    image_size: int,
    channels: int,
    batch_size: int,
    eval_resize: int,
    host_threads: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Each example exactly once, in natural order, in batches of one shape.

    Args:
      image_size, channels, batch_size, host_threads, shard: as in `train_batches`.
      eval_resize: the short side in pixels before the centre crop, >= image_size.

    Returns:
      Elements (images uint8 [B/n,S,S,C], labels int32 [B/n], mask bool [B/n]). Where the mask is
      False, at the end of the last batch, images and labels are zeros.

    Raises:
      ValueError: an argument out of range.
    """
    rows = _check(image_size, channels, batch_size, host_threads, shard)
    if eval_resize < image_size:
        raise ValueError(f"eval_resize out of range, got {eval_resize}; expected at least "
                         f"image_size={image_size}")
    count = split.num_examples
    steps = -(-count // batch_size)

    def fit(images: tf.Tensor) -> tf.Tensor:
        return as_channels(resize_and_center_crop(images, image_size, eval_resize), channels)

    def gather(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        mask = index < count
        images, labels = split.example(tf.minimum(index, count - 1))
        images = tf.where(mask[:, None, None, None], fit(images), tf.zeros([], tf.uint8))
        return images, tf.where(mask, labels, 0), mask

    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        def real() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            image, label = _decoded(split, index)
            return fit(image), label, True

        def padding() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            return tf.zeros([image_size, image_size, channels], tf.uint8), 0, False

        return tf.cond(index < count, real, padding)

    dataset = tf.data.Dataset.range(steps)
    dataset = dataset.map(lambda step: _positions(step[None], batch_size, rows, shard[0]))
    if isinstance(split, ArraySplit):
        dataset = dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        dataset = dataset.unbatch().map(load, num_parallel_calls=tf.data.AUTOTUNE)
        dataset = dataset.batch(rows, drop_remainder=True, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.map(lambda *element: tuple(_static_rows(part, rows) for part in element))
    return _with_options(dataset, steps, host_threads)


def _check(
    image_size: int,
    channels: int,
    batch_size: int,
    host_threads: int,
    shard: tuple[int, int],
    start_step: int = 0,
) -> int:
    """Returns the rows of a batch that this shard gives."""
    for name, value, least in (
        ("image_size", image_size, 1),
        ("batch_size", batch_size, 1),
        ("host_threads", host_threads, 0),
        ("start_step", start_step, 0),
    ):
        if value < least:
            raise ValueError(f"{name} out of range, got {value}; expected >= {least}")
    if channels not in (1, 3):
        raise ValueError(f"channels out of range, got {channels}; expected 1 or 3")
    number, of = shard
    if not 0 <= number < of:
        raise ValueError(f"shard out of range, got {shard}; expected (i, n) with 0 <= i < n")
    if batch_size % of:
        raise ValueError(f"batch_size is not divisible, got {batch_size}; expected a multiple of "
                         f"the {of} shards")
    return batch_size // of


def _order(
    split: Split, batch_size: int, rows: int, shard: int, seed: int, start_step: int
) -> tf.data.Dataset:
    """What each batch shows, from `start_step` on: (index, epoch), both int64 [rows].

    A permutation for each epoch takes 8 bytes an example. TensorFlow's RandomIndexShuffle would
    take none, but is no fair shuffle: some orders of 8 examples come up far more often than others.
    """
    steps = steps_per_epoch(split, batch_size)
    key = _key(seed, "order")
    first_epoch, first_step = divmod(start_step, steps)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(split.num_examples, dtype=tf.int64), seed=tf.stack([key, epoch])
        )
        order = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        order = order[tf.where(epoch == first_epoch, first_step, 0) :, shard * rows :][:, :rows]
        epochs = tf.fill(tf.shape(order), epoch)
        return tf.data.Dataset.from_tensor_slices((order, epochs))

    return tf.data.Dataset.counter(first_epoch).flat_map(batches)


def _loader(
    split: Split, image_size: int, channels: int, window: _Window | None, seed: int
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns a function: index, epoch, int64 scalars -> uint8 [S,S,C], label int32 scalar."""
    key = _key(seed, "crop")

    def load(index: tf.Tensor, epoch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if window is None:
            image, label = _decoded(split, index)
            return as_channels(resize(image, image_size), channels), label
        image, label = _checked(split, index)
        own_key = tf.stack([key + epoch, index])
        area, ratio = window
        return random_resized_crop(
            image, image_size, channels, area=area, ratio=ratio, seed=own_key
        ), label

    return load


def _key(seed: int, use: str) -> int:
    """62 bits: the uses of one seed, and neighbouring seeds, share no random numbers."""
    digest = hashlib.blake2b(f"{use} {seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 2


def _check_window(
    area: tuple[float, float] | None, ratio: tuple[float, float]
) -> _Window | None:
    if area is None or tuple(area) == (1, 1):
        return None
    if not 0 < area[0] <= area[1] <= 1:
        raise ValueError(f"crop_area out of range, got {area}; expected 0 < low <= high <= 1")
    if not 0 < ratio[0] <= ratio[1]:
        raise ValueError(f"crop_ratio out of range, got {ratio}; expected 0 < low <= high")
    return area, ratio


def _positions(step: tf.Tensor, batch_size: int, rows: int, number: int) -> tf.Tensor:
    """step: int64 [K] -> int64 [K*rows], what batches `step` of an epoch have in this shard."""
    first = step * batch_size + number * rows
    return tf.reshape(first[:, None] + tf.range(rows, dtype=tf.int64), [-1])


def _checked(split: Split, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    image, label = split.example(index)
    return (assert_image(image, split, index) if split.encoded else image), label


def _decoded(split: Split, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    image, label = _checked(split, index)
    return (decode_image(image, 3) if split.encoded else image), label


def _batches_a_call(image_size: int, channels: int, rows: int) -> int:
    batch_bytes = image_size * image_size * channels * rows
    return max(1, min(_MAX_BATCHES_A_CALL, _BYTES_A_CALL // batch_bytes))


def _static_rows(tensor: tf.Tensor, rows: int) -> tf.Tensor:
    return tf.ensure_shape(tensor, [rows, *tensor.shape[1:]])


def _with_options(
    dataset: tf.data.Dataset, cardinality: int, host_threads: int
) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    # Shards are cut here, by `shard`: TensorFlow's own sharding would cut a second time.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # TensorFlow allows itself half of what is free; images and the model's host side need it too.
    options.autotune.ram_budget = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    if host_threads:
        options.threading.private_threadpool_size = host_threads
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
