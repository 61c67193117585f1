"""Sharpness, PIL's."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_spread
from zoo.augment.pixels.colour import clip
from zoo.augment.pixels.smooth import inner, smooth_sum
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Sharpness:
    """Scales the distance from the smoothed image by a factor uniform in [1 - x, 1 + x].

    Smoothed by PIL's 3x3 SMOOTH; the outermost pixels stay as they are.

    Raises ValueError for x outside (0, 1].
    """

    x: float

    def __post_init__(self):
        require_spread("sharpness", "x", self.x)

    def sample(self, seed, batch_size: int, image_size: int):
        """float32 [B]: the factor."""
        return draw.factor(seed, batch_size, self.x)

    def apply(self, images, labels, parameters):
        change = parameters[:, None, None, None] - 1.0
        sharpened = clip(images + change * (images - smooth_sum(images) / 13.0))
        return ops.where(inner(images.shape[1])[..., None], sharpened, images), labels
