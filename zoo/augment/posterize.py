"""Posterisation, PIL's."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require, require_rate
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Posterize:
    """Keeps the upper `bits` of the 8 bits of each level, with probability `rate`.

    Raises ValueError for bits outside 1..7 or a rate outside (0, 1].
    """

    bits: int = 4
    rate: float = 0.5

    def __post_init__(self):
        good = type(self.bits) is int and 1 <= self.bits <= 7
        require(good, "posterize", "bits", self.bits, "a whole number in 1..7")
        require_rate("posterize", self.rate)

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images are changed."""
        return draw.chance(seed, batch_size, self.rate)

    def apply(self, images, labels, parameters):
        step = 2 ** (8 - self.bits)
        changed = ops.floor(images / step) * step
        return ops.where(parameters[:, None, None, None], changed, images), labels
