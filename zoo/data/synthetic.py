"""`synthetic`: images that can be learnt without having any, for benchmarks and smoke tests.

Example i shows class i % classes: a coarse random pattern of that class, under noise.
"""

from __future__ import annotations

from zoo.data.splits import ArraySplit, Source
from zoo.lazy import lazy_module

np = lazy_module("numpy")

_CELLS = 4  # a pattern is 4x4 grey or coloured cells: coarse enough to survive crops
_PATTERN_SEED = 7
_LIMIT_BYTES = 4 << 30


def open_patterns(
    size: int = 64, classes: int = 10, count: int = 1024, channels: int = 3
) -> Source:
    """Makes `count` training and max(classes, count // 4) validation images in memory.

    Args:
      size: height and width in pixels, >= 1.
      classes: >= 2.
      count: training images, >= classes so that each class has one.
      channels: 1 or 3.

    Raises:
      ValueError: `count` below `classes`, or images for more than 4 GiB.
    """
    if count < classes:
        raise ValueError(f"count too small, got {count}; expected at least classes={classes}")
    needed = (count + max(classes, count // 4)) * size * size * channels
    if needed > _LIMIT_BYTES:
        raise ValueError(
            f"synthetic images of {needed >> 20} MiB; expected at most {_LIMIT_BYTES >> 20}: "
            "give a smaller count, they are shown again in each epoch"
        )
    patterns = np.random.default_rng(_PATTERN_SEED).integers(
        48, 208, (classes, _CELLS, _CELLS, channels), dtype=np.uint8
    )
    cell = np.arange(size) * _CELLS // size
    patterns = patterns[:, cell][:, :, cell]
    return Source(
        name="synthetic",
        class_names=tuple(str(label) for label in range(classes)),
        channels=channels,
        splits={
            "train": _noisy(patterns, count, seed=1),
            "validation": _noisy(patterns, max(classes, count // 4), seed=2),
        },
    )


def _noisy(patterns: np.ndarray, count: int, seed: int) -> ArraySplit:
    """Patterns within 48..207 under noise of at most 48 levels: no sum leaves 0..255."""
    labels = (np.arange(count) % len(patterns)).astype(np.int32)
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 96, (count, *patterns.shape[1:]), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image += patterns[label] - np.uint8(48)
    return ArraySplit(images, labels)
