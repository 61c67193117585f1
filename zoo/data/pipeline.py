"""What the pipelines of training and of evaluation have in common."""

from __future__ import annotations

import os

from zoo.data.autotuning import without_autotuning
from zoo.data.decode import decoder
from zoo.data.splits import Split
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# Images in work at once, a thread: one waits for its record while another is decoded. 5 to 9 % more
# images a second than with tf.data.AUTOTUNE, which stops at one a core: docs/measurements/input.md
_IMAGES_A_THREAD = 2
_MOST_BATCHES_AHEAD, _BYTES_AHEAD = 64, 256 << 20


def check_numbers(
    image_size: int, channels: int, batch_size: int, host_threads: int, start_step: int = 0
) -> None:
    """Raises ValueError for a number out of range."""
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


def decoded_example(split: Split, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """index: int64 scalar -> (image uint8 [H,W,C], label int32 scalar)."""
    image, label = split.example(index)
    return (decoder(3, split.orientation)(image) if split.encoded else image), label


def images_in_work(host_threads: int) -> int:
    """How many images are read and decoded at once; host_threads: 0 for one a core."""
    return _IMAGES_A_THREAD * (host_threads or os.cpu_count() or 1)


def with_options(
    dataset: tf.data.Dataset, cardinality: int, host_threads: int
) -> tf.data.Dataset:
    """The dataset with what all of this package have: fixed order, bounded memory, prefetching."""
    options = tf.data.Options()
    options.deterministic = True
    # Each process reads all examples: TensorFlow would give every worker a part of them.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_optimization.map_and_batch_fusion = True  # many threads fill a batch
    if host_threads:
        options.threading.private_threadpool_size = host_threads
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
    dataset = dataset.prefetch(batches_ahead(dataset.element_spec))
    return without_autotuning(dataset).with_options(options)


def batches_ahead(element_spec: tuple[tf.TensorSpec, ...]) -> int:
    """How many batches wait to be taken: enough for a call of many steps, within bounded memory."""
    size = sum(part.dtype.size * (part.shape.num_elements() or 0) for part in element_spec)
    return max(2, min(_MOST_BATCHES_AHEAD, _BYTES_AHEAD // max(size, 1)))
