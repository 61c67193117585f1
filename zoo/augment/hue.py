"""Hue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_spread
from zoo.augment.pixels.colour import change_chroma, clip


@dataclass(frozen=True)
class Hue:
    """Turns the hue by up to x half turns either way, keeping luma and greys.

    The turn is MXNet's, of the chroma plane of YIQ, not of HSV's hexagon.

    Raises ValueError for x outside (0, 1]; in `apply` for images that are not RGB.
    """

    wants_colour: ClassVar[bool] = True

    x: float

    def __post_init__(self):
        require_spread("hue", "x", self.x)

    def sample(self, seed, batch_size: int, image_size: int):
        """float32 [B]: half turns."""
        return draw.uniform(seed, [batch_size], -self.x, self.x)

    def apply(self, images, labels, parameters):
        return clip(change_chroma("hue", images, saturation=1.0, hue=parameters)), labels
