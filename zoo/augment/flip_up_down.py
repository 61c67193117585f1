"""Up-down flip, for pictures without an upside (microscopes, satellites)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_rate
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class FlipUpDown:
    """Turns each image upside down, as a mirror does, with probability `rate`.

    Raises ValueError for a rate outside (0, 1].
    """

    rate: float = 0.5

    def __post_init__(self):
        require_rate("flip_up_down", self.rate)

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images are mirrored."""
        return draw.chance(seed, batch_size, self.rate)

    def apply(self, images, labels, parameters):
        mirrored = ops.flip(images, axis=1)
        return ops.where(parameters[:, None, None, None], mirrored, images), labels
