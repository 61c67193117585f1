"""From a split to batches of uint8 images."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable

from zoo.data.cache import resize_once
from zoo.data.crop import crop_and_resize, random_resized_window, resize, scale_jitter_window
from zoo.data.decode import as_channels, decode_image
from zoo.data.order import batch_order, key_of
from zoo.data.resize import check_method, resize_and_center_crop
from zoo.data.splits import ArraySplit, Split
from zoo.data.views import Views
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# Batches that one call of the gathering function makes: the call costs more than a batch of digits.
_MAX_BATCHES_A_CALL = 32
_BYTES_A_CALL = 4 << 20
# Images in work at once, a thread: one waits for its record while another is decoded. 5 to 9 % more
# images a second than with tf.data.AUTOTUNE, which stops at one a core (BUILD_NOTES.md, "Input").
_IMAGES_A_THREAD = 2


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
    scale_jitter: tuple[float, float] | None = None,
    resizing: str = "area",
    host_threads: int = 0,
    shard: tuple[int, int] = (0, 1),
    data_service: str = "",
) -> tf.data.Dataset:
    """Infinite batches for training; what an epoch leaves of a batch is dropped.

    Args:
      image_size: S, pixels.
      channels: C, 1 or 3, whatever the split has.
      batch_size: B, examples of all shards together.
      seed: any integer; order and crops are functions of (seed, epoch, example).
      start_step: the first batch is the one that an unbroken run gives at this step.
      crop_area, crop_ratio: the random window, see `crop.random_resized_window`; with `crop_area`
        None or (1, 1) the whole image is resized, or left alone when it has the size already.
      scale_jitter: instead of these, see `crop.scale_jitter_window`.
      resizing: one of `zoo.data.resize.METHODS`.
      host_threads: of this input pipeline; 0 for TensorFlow's pool of one a core.
      shard: (i, n): yields the i-th n-th of every batch, for one of n worker processes.
      data_service: "grpc://HOST:PORT", the dispatcher of a tf.data service whose workers, which
        see the same files, read and decode instead of this process. With one worker the batches
        are the same and in the same order; several hand them out as they come, and each example
        is still shown once an epoch, give or take what they work on at its end.

    Returns:
      Elements (images uint8 [B/n,S,S,C], labels int32 [B/n]).

    Raises:
      ValueError: an argument out of range, or `batch_size` above the number of examples.
    """
    rows = _check(image_size, channels, batch_size, host_threads, shard, start_step)
    check_method(resizing)
    window = _window(image_size, crop_area, crop_ratio, scale_jitter)
    if data_service:
        check_service(data_service, split)
    order = batch_order(split.num_examples, batch_size, rows, shard[0], seed, start_step)
    key = key_of(seed, "crop")

    def load(index: tf.Tensor, epoch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if window is None:
            image, label = _decoded(split, index)
            return as_channels(resize(image, image_size, resizing), channels), label
        image, label = split.example(index)
        own_seed = tf.stack([key + epoch, index])
        return crop_and_resize(
            image, image_size, channels, lambda size: window(size, seed=own_seed), resizing
        ), label

    def gather(index: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = split.example(index)
        return as_channels(resize(images, image_size, resizing), channels), labels

    if isinstance(split, ArraySplit) and window is None:
        split = resize_once(split, image_size, resizing)
        batches_a_call = _batches_a_call(image_size, channels, rows)
        dataset = order.batch(batches_a_call, drop_remainder=True).map(gather).unbatch()
    else:
        # A service's workers may have more cores than this machine.
        in_work = tf.data.AUTOTUNE if data_service else _in_work(host_threads)
        dataset = order.unbatch().map(load, num_parallel_calls=in_work)
        dataset = dataset.batch(rows, drop_remainder=True)
    if data_service:
        dataset = dataset.apply(tf.data.experimental.service.distribute(
            tf.data.experimental.service.ShardingPolicy.DYNAMIC, data_service
        ))
    return with_options(dataset, tf.data.INFINITE_CARDINALITY, host_threads)


def check_service(address: str, split: Split) -> None:
    """Raises ValueError where a tf.data service cannot be reached, or has nothing to do."""
    if not split.encoded:
        raise ValueError("data_service has no effect on images that are in memory already; give "
                         "cache_mb=0 to leave them encoded")
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    try:  # TensorFlow itself would wait for it for an hour
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise ValueError(f"data_service cannot be reached, got {address!r} ({error}); expected the "
                         "grpc://HOST:PORT of a dispatcher that runs") from error


def eval_batches(
    split: Split,
    *,
    image_size: int,
    channels: int,
    batch_size: int,
    eval_resize: int | None = None,
    views: Views | None = None,
    resizing: str = "bilinear",
    host_threads: int = 0,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Each example exactly once, in natural order, in batches of one shape.

    Args:
      image_size, channels, batch_size, host_threads, shard: as in `train_batches`.
      eval_resize: the short side in pixels before the centre crop, >= image_size.
      views: instead of this, what is shown of each image.
      resizing: one of `zoo.data.resize.METHODS`.

    Returns:
      Elements (images uint8 [B/n,S,S,C], labels int32 [B/n], mask bool [B/n]); with `views` the
      images are [B/n,V,S,S,C]. Where the mask is False, at the end of the last batch, images and
      labels are zeros.

    Raises:
      ValueError: an argument out of range, or not exactly one of `eval_resize` and `views`.
    """
    rows = _check(image_size, channels, batch_size, host_threads, shard)
    check_method(resizing)
    crop = _eval_crop(image_size, eval_resize, views, resizing)
    count = split.num_examples
    steps = -(-count // batch_size)
    shape = [image_size, image_size, channels]
    if views is not None:
        shape = [views.num_crops, *shape]

    def fit(images: tf.Tensor) -> tf.Tensor:
        return as_channels(crop(images), channels)

    def gather(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        mask = index < count
        images, labels = split.example(tf.minimum(index, count - 1))
        shown = tf.reshape(mask, [-1, *(1 for _ in shape)])
        images = tf.where(shown, fit(images), tf.zeros([], tf.uint8))
        return images, tf.where(mask, labels, 0), mask

    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        def real() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            image, label = _decoded(split, index)
            return fit(image), label, True

        def padding() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            return tf.zeros(shape, tf.uint8), 0, False

        return tf.cond(index < count, real, padding)

    dataset = tf.data.Dataset.range(steps)
    dataset = dataset.map(lambda step: _positions(step[None], batch_size, rows, shard[0]))
    if isinstance(split, ArraySplit):
        dataset = dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE)
    else:
        dataset = dataset.unbatch().map(load, num_parallel_calls=_in_work(host_threads))
        dataset = dataset.batch(rows, drop_remainder=True)
    dataset = dataset.map(lambda *element: tuple(_static_rows(part, rows) for part in element))
    return with_options(dataset, steps, host_threads)


def _eval_crop(
    image_size: int, eval_resize: int | None, views: Views | None, resizing: str
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns uint8 [...,H,W,C] -> uint8 [...,S,S,C], or with `views` [...,V,S,S,C]."""
    if (eval_resize is None) == (views is None):
        raise ValueError(f"got eval_resize={eval_resize} and views={views}; expected one of them")
    if views is not None:
        views.check(image_size)
        return functools.partial(views.cut, image_size=image_size, method=resizing)
    if eval_resize < image_size:
        raise ValueError(f"eval_resize out of range, got {eval_resize}; expected at least "
                         f"image_size={image_size}")
    return functools.partial(
        resize_and_center_crop, image_size=image_size, eval_resize=eval_resize, method=resizing
    )


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


def _window(
    image_size: int,
    area: tuple[float, float] | None,
    ratio: tuple[float, float],
    short_side: tuple[float, float] | None,
) -> Callable | None:
    """Returns what draws a window: (height and width int32 [2], seed=int [2]) -> int32 [4].

    None for the whole image.
    """
    if short_side is not None:
        if not image_size <= short_side[0] <= short_side[1]:
            raise ValueError(f"scale_jitter out of range, got {short_side}; expected "
                             f"image_size={image_size} <= low <= high, pixels")
        return functools.partial(
            scale_jitter_window, image_size=image_size, short_side=short_side
        )
    if area is None or tuple(area) == (1, 1):
        return None
    if not 0 < area[0] <= area[1] <= 1:
        raise ValueError(f"crop_area out of range, got {area}; expected 0 < low <= high <= 1")
    if not 0 < ratio[0] <= ratio[1]:
        raise ValueError(f"crop_ratio out of range, got {ratio}; expected 0 < low <= high")
    return functools.partial(random_resized_window, area=area, ratio=ratio)


def _positions(step: tf.Tensor, batch_size: int, rows: int, number: int) -> tf.Tensor:
    """step: int64 [K] -> int64 [K*rows], what batches `step` of an epoch have in this shard."""
    first = step * batch_size + number * rows
    return tf.reshape(first[:, None] + tf.range(rows, dtype=tf.int64), [-1])


def _decoded(split: Split, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    image, label = split.example(index)
    return (decode_image(image, 3) if split.encoded else image), label


def _in_work(host_threads: int) -> int:
    return _IMAGES_A_THREAD * (host_threads or os.cpu_count() or 1)


def _batches_a_call(image_size: int, channels: int, rows: int) -> int:
    batch_bytes = image_size * image_size * channels * rows
    return max(1, min(_MAX_BATCHES_A_CALL, _BYTES_A_CALL // batch_bytes))


def _static_rows(tensor: tf.Tensor, rows: int) -> tf.Tensor:
    return tf.ensure_shape(tensor, [rows, *tensor.shape[1:]])


def with_options(
    dataset: tf.data.Dataset, cardinality: int, host_threads: int
) -> tf.data.Dataset:
    """The dataset with what all of this package have: fixed order, bounded memory, prefetching."""
    options = tf.data.Options()
    options.deterministic = True
    # Shards are cut here, by `shard`: TensorFlow's own sharding would cut a second time.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    # TensorFlow allows itself half of what is free; images and the model's host side need it too.
    options.autotune.ram_budget = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    options.experimental_optimization.map_and_batch_fusion = True  # many threads fill a batch
    if host_threads:
        options.threading.private_threadpool_size = host_threads
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
