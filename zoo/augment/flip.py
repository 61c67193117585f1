"""Left-right flip."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Flip:
    """Mirrors each image left-right with probability `rate`.

    Raises ValueError for a rate outside 0..1.
    """

    rate: float = 0.5

    def __post_init__(self):
        if not 0 < self.rate <= 1:
            raise ValueError(f"flip: got rate={self.rate}; expected a number in (0, 1]")

    def sample(self, seed, batch_size: int, image_size: int):
        """bool [B]: which images are mirrored."""
        return tf.random.stateless_uniform([batch_size], seed) < self.rate

    def apply(self, images, labels, parameters):
        mirrored = keras.ops.flip(images, axis=2)
        return keras.ops.where(parameters[:, None, None, None], mirrored, images), labels
