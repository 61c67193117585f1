"""Normal noise of whole images from one number each."""

from __future__ import annotations

import math

from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


def normal_images(own, shape):
    """float32 `shape` = [B, S, S, C], of mean 0 and deviation 1, within 5.3 deviations.

    own: int32 [B], the image's own seed, from which a hash of integers makes the noise of all its
    pixels: the same on each backend, and without drawing a tensor as large as the batch.
    """
    places = ops.arange(math.prod(shape[1:]), dtype="int32")[None]
    bits = _hash(_hash(places ^ own[:, None]) + own[:, None])
    # 23 bits, plus a half: strictly inside (-1, 1).
    share = (ops.cast(_shift(bits, 9), "float32") + 0.5) * 2.0**-22 - 1.0
    return ops.reshape(math.sqrt(2.0) * ops.erfinv(share), shape)


def _hash(bits):
    """int32 -> int32: multiplications that overflow and shifts (Wellons' lowbias32)."""
    bits = (bits ^ _shift(bits, 16)) * 0x7FEB352D
    bits = (bits ^ _shift(bits, 15)) * (0x846CA68B - 2**32)
    return bits ^ _shift(bits, 16)


def _shift(bits, places: int):
    # To the right without the sign, which int32 would carry along.
    return ops.bitwise_and(ops.right_shift(bits, places), 2 ** (32 - places) - 1)
