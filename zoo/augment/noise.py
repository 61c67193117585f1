"""Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.colour import clip
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Noise:
    """Adds N(0, s) to each level; each image has its own s, uniform in [0, std], in levels.

    Each image draws one number, from which a hash of integers makes the noise of all its pixels:
    the same on each backend, and without a second tensor as large as the batch.

    Raises ValueError for std outside (0, 255].
    """

    std: float

    def __post_init__(self):
        require(0 < self.std <= 255, "noise", "std", self.std, "levels in (0, 255]")

    def sample(self, seed, batch_size: int, image_size: int):
        """(int32 [B] the image's own seed, float32 [B] the standard deviation in levels)."""
        first, second = draw.split(seed, 2)
        own = draw.integers(first, [batch_size], 2**31 - 1)
        return own, draw.uniform(second, [batch_size], 0.0, self.std)

    def apply(self, images, labels, parameters):
        own, std = parameters
        count = math.prod(images.shape[1:])
        places = ops.arange(count, dtype="int32")[None]
        bits = _hash(_hash(places ^ own[:, None]) + own[:, None])
        # 23 bits, plus a half: strictly inside (-1, 1), for up to 5.3 standard deviations.
        share = (ops.cast(_shift(bits, 9), "float32") + 0.5) * 2.0**-22 - 1.0
        normal = math.sqrt(2.0) * ops.erfinv(share) * std[:, None]
        return clip(images + ops.reshape(normal, images.shape)), labels


def _hash(bits):
    """int32 -> int32: multiplications that overflow and shifts (Wellons' lowbias32)."""
    bits = (bits ^ _shift(bits, 16)) * 0x7FEB352D
    bits = (bits ^ _shift(bits, 15)) * (0x846CA68B - 2**32)
    return bits ^ _shift(bits, 16)


def _shift(bits, places: int):
    # To the right without the sign, which int32 would carry along.
    return ops.bitwise_and(ops.right_shift(bits, places), 2 ** (32 - places) - 1)
