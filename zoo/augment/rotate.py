"""Rotation."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import affine, draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.warp import require_warp, warp


@dataclass(frozen=True)
class Rotate:
    """Turns each image about its centre, by an angle uniform in [-degrees, degrees].

    fill: level of pixels from outside. interpolation: bilinear or nearest.

    Raises ValueError for degrees outside (0, 180].
    """

    degrees: float
    fill: float = 0.0
    interpolation: str = "bilinear"

    def __post_init__(self):
        good = 0 < self.degrees <= 180
        require(good, "rotate", "degrees", self.degrees, "a number in (0, 180]")
        require_warp("rotate", self.fill, self.interpolation)

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 6]: maps in fixed point, see pixels/affine.py."""
        angles = draw.uniform(seed, [batch_size], -self.degrees, self.degrees)
        return affine.fixed_point(affine.rotation(angles, image_size))

    def apply(self, images, labels, parameters):
        seen = warp(images, parameters, fill=self.fill, interpolation=self.interpolation)
        return seen, labels
