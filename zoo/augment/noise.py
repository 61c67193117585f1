"""Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.colour import clip
from zoo.augment.pixels.normal import normal_images


@dataclass(frozen=True)
class Noise:
    """Adds N(0, s) to each level; each image has its own s, uniform in [0, std], in levels.

    Raises ValueError for std outside (0, 255].
    """

    std: float

    def __post_init__(self):
        require(0 < self.std <= 255, "noise", "std", self.std, "levels in (0, 255]")

    def sample(self, seed, batch_size: int, image_size: int):
        """(int32 [B] the image's own seed, float32 [B] the standard deviation in levels)."""
        first, second = draw.split(seed, 2)
        own = draw.integers(first, [batch_size], 2**31 - 1)
        return own, draw.uniform(second, [batch_size], 0.0, self.std)

    def apply(self, images, labels, parameters):
        own, std = parameters
        noise = std[:, None, None, None] * normal_images(own, images.shape)
        return clip(images + noise), labels
