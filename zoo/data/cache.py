"""Work done once instead of in every epoch: small sets decoded, or resized, in host memory."""

from __future__ import annotations

import dataclasses
import re

from zoo.data.decode import decode_image, resize
from zoo.data.progress import with_progress
from zoo.data.splits import ArraySplit, RaggedSplit, Source, Split
from zoo.data.unreadable import assert_image
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_SAMPLED = 16  # images of each split that the decoded size is estimated from
_RESIZED_BYTES = 1 << 30
_BLOCK = 1000  # images resized by one call
_ALIGNMENT = 64  # TensorFlow shares NumPy's memory at such addresses, and copies it at others


def cache_decoded(source: Source, cache_mb: int) -> Source:
    """Decodes all splits into memory if together they are expected to fit into `cache_mb` MiB.

    Raises:
      ValueError: an image that cannot be decoded, or a label out of range; names the example.
    """
    if not cache_mb:
        return source
    sizes = {name: _estimate(split, source.channels) for name, split in source.splits.items()}
    if sum(sizes.values()) > cache_mb << 20:
        return source
    splits = {
        name: _decode(split, name, source.channels, sizes[name])
        for name, split in source.splits.items()
    }
    return dataclasses.replace(source, splits=splits)


def resize_once(split: ArraySplit, image_size: int) -> ArraySplit:
    """Returns the split with its images resized, or as it is if they would take over 1 GiB.

    Resizing 28x28 to 32x32 anew costs more than a training step of LeNet.
    """
    count, height, width, channels = split.images.shape
    needed = count * image_size * image_size * channels
    if (height, width) == (image_size, image_size) or needed > _RESIZED_BYTES:
        return split
    images = np.empty((count, image_size, image_size, channels), np.uint8)
    blocks = range(0, count, _BLOCK)
    for start in with_progress(blocks, len(blocks), f"resizing to {image_size}, thousands"):
        stop = start + _BLOCK
        images[start:stop] = resize(tf.constant(split.images[start:stop]), image_size)
    return ArraySplit(images, split.labels)


def _decoded(split: Split, rows: np.ndarray, channels: int) -> tf.data.Dataset:
    def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, label = split.example(index)
        return decode_image(assert_image(encoded, split, index), channels), label

    dataset = tf.data.Dataset.from_tensor_slices(rows.astype(np.int64))
    return dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _estimate(split: Split, channels: int) -> int:
    """Expected bytes of all images when decoded."""
    count = min(split.num_examples, _SAMPLED)
    rows = np.linspace(0, split.num_examples - 1, count).astype(np.int64)
    images = _named_errors(split, rows, _decoded(split, rows, channels))
    return sum(image.size for image, _ in images) * split.num_examples // count


def _decode(split: Split, name: str, channels: int, expected: int) -> ArraySplit | RaggedSplit:
    count = split.num_examples
    rows = np.arange(count)
    buffer = _aligned(expected)
    starts = np.zeros(count, np.int64)
    shapes = np.zeros((count, 3), np.int32)
    labels = np.zeros(count, np.int32)
    end = 0
    images = _named_errors(split, rows, _decoded(split, rows, channels))
    for row, (image, label) in enumerate(with_progress(images, count, f"decoding {name}")):
        if end + image.size > len(buffer):
            larger = _aligned(max(end + image.size, len(buffer) * 5 // 4))
            larger[:end] = buffer[:end]
            buffer = larger
        buffer[end : end + image.size] = image.ravel()
        starts[row], shapes[row], labels[row] = end, image.shape, label
        end += image.size
    if (shapes == shapes[0]).all():
        return ArraySplit(buffer[:end].reshape(count, *shapes[0]), labels)
    return RaggedSplit(buffer[:end], starts, shapes, labels)


def _aligned(size: int) -> np.ndarray:
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    offset = -memory.ctypes.data % _ALIGNMENT
    return memory[offset : offset + size]


def _named_errors(split: Split, rows: np.ndarray, dataset: tf.data.Dataset):
    """Yields (image, label); turns an error into a ValueError that names the example."""
    iterator = dataset.as_numpy_iterator()
    for done in range(len(rows)):
        try:
            element = next(iterator)
        except (tf.errors.OpError, UnicodeDecodeError) as error:
            # The order is kept, so the one that failed is the first not yet seen.
            raise ValueError(_describe(split, rows[done], error)) from error
        yield element


def _describe(split: Split, row: int, error: Exception) -> str:
    name = split.name(tf.constant(row, tf.int64)).numpy().decode()
    assertion = re.search(r"assertion failed: \[(.*?)\](\s*\[|$)", str(error), re.DOTALL)
    if assertion:
        reason = " ".join(assertion[1].split())
        return reason if reason.startswith(name) else f"{name}: {reason}"
    return f"{name} cannot be decoded; fetch it again or remove it"
