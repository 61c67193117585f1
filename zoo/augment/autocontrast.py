"""Stretched contrast, PIL's autocontrast on fractions of levels."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_rate
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Autocontrast:
    """Stretches the levels of each channel to 0..255, with probability `rate`.

    A channel of one level stays as it is.

    Raises ValueError for a rate outside (0, 1].
    """

    rate: float = 0.5

    def __post_init__(self):
        require_rate("autocontrast", self.rate)

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images are changed."""
        return draw.chance(seed, batch_size, self.rate)

    def apply(self, images, labels, parameters):
        low = ops.min(images, axis=(1, 2), keepdims=True)
        high = ops.max(images, axis=(1, 2), keepdims=True)
        span = ops.where(high > low, high - low, 255.0)
        low = ops.where(high > low, low, 0.0)
        changed = ops.minimum((images - low) * (255.0 / span), 255.0)
        return ops.where(parameters[:, None, None, None], changed, images), labels
