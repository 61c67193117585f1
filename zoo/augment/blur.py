"""Gaussian blur (SimCLR: Chen et al., arXiv 2002.05709)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")


@dataclass(frozen=True)
class Blur:
    """Blurs each image by a standard deviation uniform in [0, sigma], in pixels.

    The kernel reaches to 3 sigma, but at most across the image; beyond the edge the image is
    mirrored (the edge pixel once).

    Raises ValueError for sigma outside (0, 10].
    """

    sigma: float

    def __post_init__(self):
        require(0 < self.sigma <= 10, "blur", "sigma", self.sigma, "pixels in (0, 10]")

    def sample(self, seed, batch_size: int, image_size: int):
        """float32 [B]: standard deviations in pixels."""
        return draw.uniform(seed, [batch_size], 0.0, self.sigma)

    def apply(self, images, labels, parameters):
        size = images.shape[1]
        reach = min(math.ceil(3 * self.sigma), size - 1)
        distance = ops.cast(ops.arange(-reach, reach + 1), "float32")
        # At a deviation of 0 the weights are 1 in the middle and 0 elsewhere, exactly.
        sharpness = 0.5 / ops.maximum(parameters, 1e-3) ** 2
        weights = ops.exp(-ops.square(distance) * sharpness[:, None])
        weights = weights / ops.sum(weights, axis=1, keepdims=True)
        weights = ops.reshape(weights, (-1, 2 * reach + 1, 1, 1, 1))
        for axis in (1, 2):
            padding = [[reach, reach] if place == axis else [0, 0] for place in range(4)]
            padded = ops.pad(images, padding, mode="reflect")
            images = sum(
                weights[:, tap] * (padded[:, tap:tap + size] if axis == 1
                                   else padded[:, :, tap:tap + size])
                for tap in range(2 * reach + 1)
            )
        return images, labels
