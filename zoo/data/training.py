"""From a split to batches of training images, uint8, in an order of their own each epoch."""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable

from zoo.data.cache import resize_once
from zoo.data.crop import crop_and_resize, random_resized_window, scale_jitter_window
from zoo.data.decode import as_channels
from zoo.data.host_ops import choose, load_ops
from zoo.data.methods import check_method
from zoo.data.order import batch_order, key_of
from zoo.data.pipeline import check_numbers, decoded_example, images_in_work, with_options
from zoo.data.resize import resize
from zoo.data.splits import ArraySplit, Split
from zoo.data.without_autograph import without_autograph
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# Batches that one call of the gathering function makes: the call costs more than a batch of digits.
_MAX_BATCHES_A_CALL = 32
_BYTES_A_CALL = 4 << 20


@without_autograph
def train_batches(
    split: Split,
    *,
    image_size: int,
    channels: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
    repeats: int = 1,
    crop_area: tuple[float, float] | None = (0.08, 1.0),
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3),
    scale_jitter: tuple[float, float] | None = None,
    resizing: str = "area",
    host_ops: str = "auto",
    host_threads: int = 0,
    data_service: str = "",
) -> tf.data.Dataset:
    """Infinite batches for training; the examples that do not fill a batch are dropped each epoch.

    Args:
      image_size: S, pixels.
      channels: C, 1 or 3, whatever the split has.
      batch_size: B.
      seed: any integer; order and crops are functions of (seed, epoch, example, time shown).
      start_step: the first batch is the one that an unbroken run gives at this step.
      repeats: how often an epoch shows an example, each time with a crop of its own; it shows as
        many fewer of them (repeated augmentation, see `order.batch_order`).
      crop_area, crop_ratio: the random window, see `crop.random_resized_window`; with `crop_area`
        None or (1, 1) the whole image is resized, or left alone when it has the size already.
      scale_jitter: instead of these, see `crop.scale_jitter_window`.
      resizing: one of `zoo.data.methods.METHODS`.
      host_ops: what crops and resizes, one of `zoo.data.host_ops.CHOICES`.
      host_threads: threads of this input pipeline; 0 for TensorFlow's pool of one a core.
      data_service: "grpc://HOST:PORT", the dispatcher of a tf.data service whose workers, which
        see the same files, read and decode instead of this process. With one worker the batches
        are the same and in the same order; several hand them out as they come, and each example
        is still shown once an epoch, give or take what they work on at its end.

    Returns:
      Elements (images uint8 [B,S,S,C], labels int32 [B]).

    Raises:
      ValueError: an argument out of range, or `batch_size` above the number of examples.
    """
    check_numbers(image_size, channels, batch_size, host_threads, start_step)
    check_method(resizing)
    ops, _ = choose(host_ops)
    window = _window(image_size, crop_area, crop_ratio, scale_jitter, ops)
    if data_service:
        check_service(data_service, split)
    order = batch_order(split.num_examples, batch_size, seed, start_step, repeats)
    if isinstance(split, ArraySplit) and window is None:
        dataset = _gathered(split, order, image_size, channels, batch_size, resizing, ops)
    else:
        load_ops(ops)  # now: within the map an error would lose its one line
        load = _loader(split, image_size, channels, window, resizing, ops, key_of(seed, "crop"))
        # The workers of a service may have more cores than this machine.
        in_work = tf.data.AUTOTUNE if data_service else images_in_work(host_threads)
        dataset = order.unbatch().map(load, num_parallel_calls=in_work)
        dataset = dataset.batch(batch_size, drop_remainder=True)
    if data_service:
        dataset = _by_service(dataset, data_service)
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


def _window(
    image_size: int,
    area: tuple[float, float] | None,
    ratio: tuple[float, float],
    short_side: tuple[float, float] | None,
    host_ops: str,
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
    return functools.partial(random_resized_window, area=area, ratio=ratio, host_ops=host_ops)


def _gathered(
    split: ArraySplit,
    order: tf.data.Dataset,
    image_size: int,
    channels: int,
    batch_size: int,
    resizing: str,
    host_ops: str,
) -> tf.data.Dataset:
    """Whole batches out of an array, resized once where they fit into memory."""
    split = resize_once(split, image_size, resizing, host_ops)

    def gather(index: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = split.example(index)
        return as_channels(resize(images, image_size, resizing, host_ops), channels), labels

    batches_a_call = _batches_a_call(image_size, channels, batch_size)
    return order.batch(batches_a_call, drop_remainder=True).map(gather).unbatch()


def _loader(
    split: Split,
    image_size: int,
    channels: int,
    window: Callable | None,
    resizing: str,
    host_ops: str,
    key: int,
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns (index, epoch), int64 scalars -> (image uint8 [S,S,channels], label).

    key: of the random windows.
    """
    orientation = split.orientation if split.encoded else "ignored"

    def load_whole(index: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image, label = decoded_example(split, index)
        return as_channels(resize(image, image_size, resizing, host_ops), channels), label

    def load_window(index: tf.Tensor, epoch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image, label = split.example(index)
        own_window = functools.partial(window, seed=tf.stack([key + epoch, index]))
        return crop_and_resize(
            image, image_size, channels, own_window, resizing, host_ops, orientation
        ), label

    return load_whole if window is None else load_window


def _by_service(dataset: tf.data.Dataset, address: str) -> tf.data.Dataset:
    service = tf.data.experimental.service
    return dataset.apply(service.distribute(service.ShardingPolicy.DYNAMIC, address))


def _batches_a_call(image_size: int, channels: int, batch_size: int) -> int:
    batch_bytes = image_size * image_size * channels * batch_size
    return max(1, min(_MAX_BATCHES_A_CALL, _BYTES_A_CALL // batch_bytes))
