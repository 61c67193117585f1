"""Work done once instead of in every epoch: small sets decoded, or resized, in host memory."""

from __future__ import annotations

import dataclasses

from zoo.data.bad_images import named_errors
from zoo.data.resize import resize
from zoo.data.splits import ArraySplit, RaggedSplit, Source, Split
from zoo.data.visit import visit
from zoo.lazy import lazy_module
from zoo.progress import with_progress

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_SAMPLED = 16  # images of each split that the decoded size is estimated from
_RESIZED_BYTES = 1 << 30
_BLOCK = 1000  # images resized by one call
_ALIGNMENT = 64  # TensorFlow shares NumPy's memory at such addresses, and copies it at others


def cache_decoded(source: Source, cache_mb: int) -> Source:
    """Decodes all splits into memory if together they are expected to fit into `cache_mb` MiB.

    Raises:
      BadImagesError: images that cannot be read.
    """
    if not cache_mb:
        return source
    with named_errors(source.splits):
        sizes = {name: _estimate(split, source.channels) for name, split in source.splits.items()}
        if sum(sizes.values()) > cache_mb << 20:
            return source
        splits = {
            name: _decode(split, name, source.channels, sizes[name])
            for name, split in source.splits.items()
        }
    return dataclasses.replace(source, splits=splits)


def resize_once(
    split: ArraySplit, image_size: int, method: str, host_ops: str = "auto"
) -> ArraySplit:
    """Returns the split with its images resized, or as it is where they do not fit.

    Resizing 28x28 to 32x32 anew costs more than a training step of LeNet.
    """
    count, height, width, channels = split.images.shape
    if (height, width) == (image_size, image_size) or not fits_resized(split, image_size):
        return split
    images = np.empty((count, image_size, image_size, channels), np.uint8)
    blocks = range(0, count, _BLOCK)
    for start in with_progress(blocks, len(blocks), f"resizing to {image_size}, thousands"):
        stop = start + _BLOCK
        block = tf.constant(split.images[start:stop])
        images[start:stop] = resize(block, image_size, method, host_ops)
    return ArraySplit(images, split.labels)


def fits_resized(split: ArraySplit, image_size: int) -> bool:
    """Whether the images are of this size already, or take at most 1 GiB when resized to it."""
    count, height, width, channels = split.images.shape
    return (
        (height, width) == (image_size, image_size)
        or count * image_size * image_size * channels <= _RESIZED_BYTES
    )


def _estimate(split: Split, channels: int) -> int:
    """Expected bytes of all images when decoded."""
    count = min(split.num_examples, _SAMPLED)
    rows = np.linspace(0, split.num_examples - 1, count).astype(np.int64)
    images = visit(split, rows, channels, lambda image: image, "sampling images")
    return sum(image.size for image, _ in images) * split.num_examples // count


def _decode(split: Split, name: str, channels: int, expected: int) -> ArraySplit | RaggedSplit:
    count = split.num_examples
    buffer = _aligned(expected)
    starts = np.zeros(count, np.int64)
    shapes = np.zeros((count, 3), np.int32)
    labels = np.zeros(count, np.int32)
    end = 0
    images = visit(split, np.arange(count), channels, lambda image: image, f"decoding {name}")
    for row, (image, label) in enumerate(images):
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
