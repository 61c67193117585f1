"""Contrast."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_spread
from zoo.augment.pixels.colour import change_contrast, clip


@dataclass(frozen=True)
class Contrast:
    """Scales the distance from the mean luma of the image by a factor uniform in [1 - x, 1 + x].

    Raises ValueError for x outside (0, 1].
    """

    x: float

    def __post_init__(self):
        require_spread("contrast", "x", self.x)

    def sample(self, seed, batch_size: int, image_size: int):
        """float32 [B]: the factor."""
        return draw.factor(seed, batch_size, self.x)

    def apply(self, images, labels, parameters):
        return clip(change_contrast(images, parameters)), labels
