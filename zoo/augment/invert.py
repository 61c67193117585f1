"""Inversion."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_rate
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Invert:
    """Turns each level x into 255 - x with probability `rate`.

    Raises ValueError for a rate outside (0, 1].
    """

    rate: float = 0.5

    def __post_init__(self):
        require_rate("invert", self.rate)

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images are changed."""
        return draw.chance(seed, batch_size, self.rate)

    def apply(self, images, labels, parameters):
        changed = 255.0 - images
        return ops.where(parameters[:, None, None, None], changed, images), labels
