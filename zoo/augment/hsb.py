"""Hue, saturation and brightness at once (Bag of Tricks: He et al., arXiv 1812.01187)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_spread
from zoo.augment.pixels.colour import change_brightness, change_chroma, clip


@dataclass(frozen=True)
class Hsb:
    """Scales saturation and brightness by factors uniform in [1 - x, 1 + x], turns the hue.

    The paper scales all three "with coefficients uniformly drawn from [0.6, 1.4]": x = 0.4. A hue
    has no zero to scale from; as in MXNet's HueJitterAug it is turned by up to x half turns.

    Raises ValueError for x outside (0, 1]; in `apply` for images that are not RGB.
    """

    wants_colour: ClassVar[bool] = True

    x: float

    def __post_init__(self):
        require_spread("hsb", "x", self.x)

    def sample(self, seed, batch_size: int, image_size: int):
        """(half turns, saturation factor, brightness factor), float32 [B] each."""
        first, second, third = draw.split(seed, 3)
        return (
            draw.uniform(first, [batch_size], -self.x, self.x),
            draw.factor(second, batch_size, self.x),
            draw.factor(third, batch_size, self.x),
        )

    def apply(self, images, labels, parameters):
        hue, saturation, brightness = parameters
        images = change_chroma("hsb", images, saturation, hue)
        return clip(change_brightness(images, brightness)), labels
