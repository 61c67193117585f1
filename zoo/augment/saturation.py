"""Saturation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_spread
from zoo.augment.pixels.colour import change_chroma, clip


@dataclass(frozen=True)
class Saturation:
    """Scales the distance from the pixel's luma by a factor uniform in [1 - x, 1 + x].

    Raises ValueError for x outside (0, 1]; in `apply` for images that are not RGB.
    """

    wants_colour: ClassVar[bool] = True

    x: float

    def __post_init__(self):
        require_spread("saturation", "x", self.x)

    def sample(self, seed, batch_size: int, image_size: int):
        """float32 [B]: the factor."""
        return draw.factor(seed, batch_size, self.x)

    def apply(self, images, labels, parameters):
        return clip(change_chroma("saturation", images, parameters, hue=0.0)), labels
