"""mixup (Zhang et al., arXiv 1710.09412)."""

from __future__ import annotations

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
        if not self.alpha > 0:
            raise ValueError(f"mixup: got alpha={self.alpha}; expected a number over 0")

    def sample(self, seed, batch_size: int, image_size: int):
        """(float32 [B] share in 0..1 of the image itself, int32 [B] partner in the batch)."""
        seeds = tf.unstack(tf.random.split(seed, 3))
        gamma = [
            tf.random.stateless_gamma([batch_size], each, alpha=self.alpha) for each in seeds[:2]
        ]
        # For a small alpha both draws can underflow to 0: then the image stays as it is.
        total = gamma[0] + gamma[1]
        share = tf.where(total > 0, gamma[0] / total, 1.0)
        partner = tf.argsort(tf.random.stateless_uniform([batch_size], seeds[2]))
        return share, partner

    def apply(self, images, labels, parameters):
        share, partner = parameters

        def blend(values):
            weight = keras.ops.reshape(share, (-1,) + (1,) * (len(values.shape) - 1))
            return weight * values + (1.0 - weight) * keras.ops.take(values, partner, axis=0)

        return blend(images), blend(labels)
