"""Random greyscale (SimCLR: Chen et al., arXiv 2002.05709)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_colour, require_rate
from zoo.augment.pixels.colour import luma
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Grey:
    """Replaces all channels by the luma (0.299, 0.587, 0.114) with probability `rate`.

    Raises ValueError for a rate outside (0, 1]; in `apply` for images that are not RGB.
    """

    wants_colour: ClassVar[bool] = True

    rate: float

    def __post_init__(self):
        require_rate("grey", self.rate)

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images turn grey."""
        return draw.chance(seed, batch_size, self.rate)

    def apply(self, images, labels, parameters):
        require_colour("grey", images.shape[-1])
        return ops.where(parameters[:, None, None, None], luma(images), images), labels
