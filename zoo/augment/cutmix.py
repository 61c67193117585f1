"""CutMix (Yun et al., arXiv 1905.04899)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_alpha
from zoo.augment.pixels.rectangle import around, inside
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")
tf = lazy_module("tensorflow")


@dataclass(frozen=True)
class Cutmix:
    """Pastes a rectangle of another image of the batch; labels are mixed by area.

    The rectangle has the image's shape and a share of 1 - Beta(alpha, alpha) of its area. Its
    middle lies anywhere in the image, and what sticks out is cut off. Each image draws its own
    rectangle; the other images are a random permutation of the batch.

    Raises ValueError for alpha outside 1e-30..1e30.
    """

    alpha: float = 1.0

    def __post_init__(self):
        require_alpha("cutmix", "alpha", self.alpha)

    def sample(self, seed, batch_size: int, image_size: int):
        """(int32 [B, 4] top, left, bottom, right, int32 [B] partner in the batch)."""
        first, middle, last = draw.split(seed, 3)
        share = draw.beta(first, [batch_size, 1], self.alpha)
        sides = tf.cast(tf.sqrt(1.0 - share) * image_size, tf.int32)
        middle = draw.integers(middle, [batch_size, 2], image_size)
        return around(middle, sides, image_size), draw.permutation(last, batch_size)

    def apply(self, images, labels, parameters):
        rectangles, partner = parameters
        size = images.shape[1]
        pasted = inside(rectangles, size)[..., None]
        top, left, bottom, right = (rectangles[:, side] for side in range(4))
        area = ops.cast((bottom - top) * (right - left), "float32")[:, None] / (size * size)
        images = ops.where(pasted, ops.take(images, partner, axis=0), images)
        return images, (1.0 - area) * labels + area * ops.take(labels, partner, axis=0)
