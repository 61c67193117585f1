"""Rectangles, one for each image: int32 [B, 4] of top, left, bottom, right; the last two are the
first row and column outside."""

from __future__ import annotations

from zoo.augment.pixels.levels import column
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")
tf = lazy_module("tensorflow")


def around(middle, sides, size: int):
    """Rectangles about `middle`, int32 [B, 2], cut off at the edges.

    sides: whole pixels, a number or int32 [B, 1].
    """
    start = middle - sides // 2
    return tf.clip_by_value(tf.concat([start, start + sides], 1), 0, size)


def inside(rectangles, size: int):
    """bool [B, S, S]: whether a pixel is in the image's rectangle."""
    place = ops.arange(size, dtype="int32")
    y, x = place[None, :, None], place[None, None, :]
    top, left, bottom, right = (column(rectangles[:, side]) for side in range(4))
    return (y >= top) & (y < bottom) & (x >= left) & (x < right)
