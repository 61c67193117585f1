"""mixup (Zhang et al., arXiv 1710.09412)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import tensorflow as tf


@dataclass(frozen=True)
class Mixup:
    """Blends each image and its label with another of the batch: share * x + (1 - share) * x'.

    The share is drawn an image from Beta(alpha, alpha), the partner from a permutation of the
    batch. Raises ValueError unless alpha is over 0.
    """

    alpha: float

    def __post_init__(self):
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"mixup: got alpha={self.alpha}; expected a finite number over 0")

    def sample(self, seed, batch_size: int, image_size: int):
        """(float32 [B] share in 0..1 of the image itself, int32 [B] partner in the batch)."""
        seeds = tf.unstack(tf.random.split(seed, 5))
        # Gamma(alpha) = Gamma(alpha + 1) * U ** (1 / alpha), in logarithms: for a small alpha
        # the draws themselves underflow.
        tiny = 2.0**-126
        logs = [
            tf.math.log(tf.random.stateless_gamma([batch_size], a, alpha=self.alpha + 1.0))
            + tf.math.log(tf.random.stateless_uniform([batch_size], b, minval=tiny)) / self.alpha
            for a, b in (seeds[:2], seeds[2:4])
        ]
        share = tf.sigmoid(logs[0] - logs[1])
        partner = tf.argsort(tf.random.stateless_uniform([batch_size], seeds[4]))
        return share, partner

    def apply(self, images, labels, parameters):
        share, partner = parameters

        def blend(values):
            weight = keras.ops.reshape(share, (-1,) + (1,) * (len(values.shape) - 1))
            return weight * values + (1.0 - weight) * keras.ops.take(values, partner, axis=0)

        return blend(images), blend(labels)
