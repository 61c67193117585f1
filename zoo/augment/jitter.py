"""Colour jitter (Howard, arXiv 1312.5402), as GluonCV's and torchvision's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.colour import change_brightness, change_chroma, change_contrast, clip


@dataclass(frozen=True)
class Jitter:
    """Brightness, contrast and saturation by factors in [1 - x, 1 + x], hue by up to x half turns.

    Levels are clipped once, after all four. Without clipping in between the four commute (see
    pixels/colour.py), so that the random order of torchvision and GluonCV would change nothing.

    Raises ValueError for values outside 0..1 or all 0; in `apply` for images that are not RGB.
    """

    wants_colour: ClassVar[bool] = True

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0

    def __post_init__(self):
        spreads = vars(self)
        for name, spread in spreads.items():
            require(0 <= spread <= 1, "jitter", name, spread, "a number in 0..1")
        good = any(spreads.values())
        require(good, "jitter", "brightness", self.brightness, "one of the four over 0")

    def sample(self, seed, batch_size: int, image_size: int):
        """Factors of brightness, contrast, saturation and half turns of hue, float32 [B] each."""
        seeds = draw.split(seed, 4)
        return (
            draw.factor(seeds[0], batch_size, self.brightness),
            draw.factor(seeds[1], batch_size, self.contrast),
            draw.factor(seeds[2], batch_size, self.saturation),
            draw.uniform(seeds[3], [batch_size], -self.hue, self.hue),
        )

    def apply(self, images, labels, parameters):
        brightness, contrast, saturation, hue = parameters
        images = change_contrast(images, contrast)
        images = change_chroma("jitter", images, saturation, hue)
        return clip(change_brightness(images, brightness)), labels
