"""mixup (Zhang et al., arXiv 1710.09412)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_alpha
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Mixup:
    """Blends each image and its label with another of the batch: share * x + (1 - share) * x'.

    Each image draws its own share from Beta(alpha, alpha); the other images are a random
    permutation of the batch.

    Raises ValueError for alpha outside 1e-30..1e30.
    """

    alpha: float

    def __post_init__(self):
        require_alpha("mixup", "alpha", self.alpha)

    def sample(self, seed, batch_size: int, image_size: int):
        """(float32 [B] share in 0..1 of the image itself, int32 [B] partner in the batch)."""
        first, second = draw.split(seed, 2)
        share = draw.beta(first, [batch_size], self.alpha)
        return share, draw.permutation(second, batch_size)

    def apply(self, images, labels, parameters):
        share, partner = parameters

        def blend(values):
            weight = ops.reshape(share, (-1,) + (1,) * (len(values.shape) - 1))
            return weight * values + (1.0 - weight) * ops.take(values, partner, axis=0)

        return blend(images), blend(labels)
