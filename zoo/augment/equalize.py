"""Equalised histogram, PIL's."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_rate
from zoo.augment.pixels.histogram import equalize
from zoo.augment.pixels.levels import pack, unpack
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Equalize:
    """Spreads the levels of each channel to equal numbers of pixels, with probability `rate`.

    A changed image is rounded to whole levels first.

    Raises ValueError for a rate outside (0, 1].
    """

    rate: float = 0.5

    def __post_init__(self):
        require_rate("equalize", self.rate)

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images are changed."""
        return draw.chance(seed, batch_size, self.rate)

    def apply(self, images, labels, parameters):
        channels = images.shape[-1]
        changed = unpack(equalize(pack(images), parameters, channels), channels)
        return ops.where(parameters[:, None, None, None], changed, images), labels
