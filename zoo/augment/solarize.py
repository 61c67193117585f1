"""Solarisation, PIL's."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_level, require_rate
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Solarize:
    """Turns levels x from `threshold` on into 255 - x, with probability `rate`.

    Raises ValueError for a threshold outside 0..255 or a rate outside (0, 1].
    """

    threshold: float = 128
    rate: float = 0.5

    def __post_init__(self):
        require_level("solarize", "threshold", self.threshold)
        require_rate("solarize", self.rate)

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images are changed."""
        return draw.chance(seed, batch_size, self.rate)

    def apply(self, images, labels, parameters):
        changed = ops.where(images < self.threshold, images, 255.0 - images)
        return ops.where(parameters[:, None, None, None], changed, images), labels
