"""Cutout (DeVries and Taylor, arXiv 1708.04552)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_level, require_pixels
from zoo.augment.pixels.rectangle import around, inside
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Cutout:
    """Sets a square of `pixels` a side to one level; its middle is anywhere in the image.

    Raises ValueError for pixels that are no whole number in 1..4096, a value outside 0..255.
    """

    pixels: int
    value: float = 0.0

    def __post_init__(self):
        require_pixels("cutout", self.pixels)
        require_level("cutout", "value", self.value)

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 4]: top, left, bottom, right, cut off at the edges of the image."""
        middle = draw.integers(seed, [batch_size, 2], image_size)
        return around(middle, self.pixels, image_size)

    def apply(self, images, labels, parameters):
        cut = inside(parameters, images.shape[1])[..., None]
        return ops.where(cut, self.value, images), labels
