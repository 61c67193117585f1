"""Shift by padding with zeros and cropping back (Lee et al. 2015; He et al. 2015 on CIFAR-10)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_pixels
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class PadCrop:
    """Pads `pixels` zeros on each side and crops the original size at a random place.

    Raises ValueError for a padding that is no whole number in 1..4096.
    """

    pixels: int

    def __post_init__(self):
        require_pixels("pad_crop", self.pixels)

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 2]: top and left corner of the crop in the padded image."""
        return draw.integers(seed, [batch_size, 2], 2 * self.pixels + 1)

    def apply(self, images, labels, parameters):
        batch_size, height, width, channels = images.shape
        padding = [[0, 0], [self.pixels] * 2, [self.pixels] * 2, [0, 0]]
        padded = ops.pad(images, padding)
        rows = parameters[:, 0, None] + ops.arange(height)
        columns = parameters[:, 1, None] + ops.arange(width)
        # One gather of single pixels from the whole flattened batch: the only form that is
        # compiled alike by XLA and JAX, and cheap in the graph executor too.
        padded_height, padded_width = height + 2 * self.pixels, width + 2 * self.pixels
        first = ops.arange(batch_size)[:, None, None] * padded_height
        pixels = (first + rows[:, :, None]) * padded_width + columns[:, None, :]
        flat = ops.reshape(padded, (-1, channels))
        return ops.take(flat, pixels, axis=0), labels
