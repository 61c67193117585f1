"""PIL's SMOOTH filter, from which `sharpness` blends away."""

from __future__ import annotations

from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


def smooth_sum(images):
    """13 times the weighted mean of 3x3 pixels (5 in the middle, 1 around): [B, S, S] or
    [B, S, S, C] of any number type -> the same. Beyond the edge are zeros."""
    size = images.shape[1]
    padded = ops.pad(images, [[0, 0], [1, 1], [1, 1]] + [[0, 0]] * (len(images.shape) - 3))
    total = 4 * images
    for top in range(3):
        for left in range(3):
            total = total + padded[:, top:top + size, left:left + size]
    return total


def inner(size: int):
    """bool [1, S, S]: all but the outermost pixels, which PIL's filter leaves as they are."""
    places = ops.arange(size, dtype="int32")
    middle = (places > 0) & (places < size - 1)
    return middle[None, :, None] & middle[None, None, :]
