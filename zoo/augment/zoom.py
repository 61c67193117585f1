"""Zoom."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import affine, draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.warp import require_warp, warp


@dataclass(frozen=True)
class Zoom:
    """Enlarges each image about its centre by a factor uniform in [low, high]; below 1 shrinks.

    per_axis: width and height each by a factor of its own.

    fill: level of pixels from outside. interpolation: bilinear or nearest.

    Raises ValueError for factors that are not 0.1 <= low <= high <= 10, or both 1.
    """

    low: float
    high: float
    per_axis: bool = False
    fill: float = 0.0
    interpolation: str = "bilinear"

    def __post_init__(self):
        good = 0.1 <= self.low <= self.high <= 10
        require(good, "zoom", "low", self.low, f"0.1 <= low <= high <= 10 with high={self.high}")
        require(self.low < 1 or self.high > 1, "zoom", "low", self.low, "factors other than 1")
        require(type(self.per_axis) is bool, "zoom", "per_axis", self.per_axis, "True or False")
        require_warp("zoom", self.fill, self.interpolation)

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 6]: maps in fixed point, see pixels/affine.py."""
        first, second = draw.split(seed, 2)
        x = draw.uniform(first, [batch_size], self.low, self.high)
        y = draw.uniform(second, [batch_size], self.low, self.high) if self.per_axis else x
        return affine.fixed_point(affine.zoom(x, y, image_size))

    def apply(self, images, labels, parameters):
        seen = warp(images, parameters, fill=self.fill, interpolation=self.interpolation)
        return seen, labels
