"""Images seen through affine maps (pixels/affine.py), each through its own."""

from __future__ import annotations

from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.levels import column
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")

INTERPOLATIONS = ("nearest", "bilinear")
ONE = 65536  # a pixel, in fixed point


def require_warp(op: str, fill: float, interpolation: str) -> None:
    """Raises ValueError unless `warp` takes these."""
    require(0 <= fill <= 255, op, "fill", fill, "a level in 0..255")
    require(
        interpolation in INTERPOLATIONS, op, "interpolation", interpolation,
        f"one of {list(INTERPOLATIONS)}",
    )


def warp(images, maps, *, fill: float, interpolation: str):
    """float32 [B, S, S, C], int32 [B, 6] -> float32 [B, S, S, C].

    `fill` is the level of pixels from outside the image. Bilinear: PIL's, in which the nearest
    pixel decides what is outside and the edge goes on beyond it.
    """
    size = images.shape[1]
    x, y = _coordinates(maps, size)
    outside = ~_inside(x, y, size)[..., None]
    if interpolation == "nearest":
        seen = _take(images, ops.right_shift(x, 16), ops.right_shift(y, 16))
        return ops.where(outside, fill, seen)
    x, y = x - ONE // 2, y - ONE // 2
    left, top = ops.right_shift(x, 16), ops.right_shift(y, 16)
    right_share, bottom_share = (
        ops.cast(ops.bitwise_and(part, ONE - 1), "float32")[..., None] / ONE for part in (x, y)
    )
    rows = []
    for row in (top, top + 1):
        one, other = _take(images, left, row), _take(images, left + 1, row)
        rows.append(one + right_share * (other - one))
    return ops.where(outside, fill, rows[0] + bottom_share * (rows[1] - rows[0]))


def warp_packed(packed, maps, fill: int):
    """The nearest form for packed levels: int32 [B, S, S] -> int32 [B, S, S]."""
    size = packed.shape[1]
    x, y = _coordinates(maps, size)
    seen = _take(packed, ops.right_shift(x, 16), ops.right_shift(y, 16))
    return ops.where(_inside(x, y, size), seen, fill)


def _coordinates(maps, size: int):
    # Fixed point, int32 [B, S, S] each.
    x = ops.arange(size, dtype="int32")[None, None, :]
    y = ops.arange(size, dtype="int32")[None, :, None]
    a, b, c, d, e, f = (column(maps[:, place]) for place in range(6))
    return a * x + b * y + c, d * x + e * y + f


def _inside(x, y, size: int):
    return (x >= 0) & (x < size * ONE) & (y >= 0) & (y < size * ONE)


def _take(images, x, y):
    # One gather from the whole flattened batch: see pad_crop.py.
    batch_size, size = images.shape[:2]
    first = column(ops.arange(batch_size, dtype="int32")) * size
    places = (first + ops.clip(y, 0, size - 1)) * size + ops.clip(x, 0, size - 1)
    return ops.take(ops.reshape(images, (batch_size * size * size, *images.shape[3:])), places, 0)
