"""Shift by padding with zeros and cropping back (Lee et al. 2015; He et al. 2015 on CIFAR-10)."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf


@dataclass(frozen=True)
class PadCrop:
    """Pads `pixels` zeros on each side and crops the original size at a random place.

    Raises ValueError for a padding that is no whole number of 1 or more.
    """

    pixels: int

    def __post_init__(self):
        if type(self.pixels) is not int or self.pixels < 1:
            raise ValueError(
                f"pad_crop: got pixels={self.pixels}; expected a whole number of 1 or more"
            )

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 2]: top and left corner of the crop in the padded image."""
        return tf.random.stateless_uniform(
            [batch_size, 2], seed, maxval=2 * self.pixels + 1, dtype=tf.int32
        )

    def apply(self, images, labels, parameters):
        batch_size, height, width, channels = images.shape
        padding = [[0, 0], [self.pixels] * 2, [self.pixels] * 2, [0, 0]]
        padded = keras.ops.pad(images, padding)
        rows = parameters[:, 0, None] + keras.ops.arange(height)
        columns = parameters[:, 1, None] + keras.ops.arange(width)
        # One gather of single pixels from the whole flattened batch: the only form that is
        # compiled alike by XLA and JAX, and cheap in the graph executor too.
        padded_height, padded_width = height + 2 * self.pixels, width + 2 * self.pixels
        first = keras.ops.arange(batch_size)[:, None, None] * padded_height
        pixels = (first + rows[:, :, None]) * padded_width + columns[:, None, :]
        flat = keras.ops.reshape(padded, (-1, channels))
        return keras.ops.take(flat, pixels, axis=0), labels
