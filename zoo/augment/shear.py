"""Shear."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import affine, draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.warp import require_warp, warp


@dataclass(frozen=True)
class Shear:
    """Slides the rows by a tangent uniform in [-x, x], the columns in [-y, y], about the centre.

    fill: level of pixels from outside. interpolation: bilinear or nearest.

    Raises ValueError for tangents outside 0..2, or both 0.
    """

    x: float = 0.0
    y: float = 0.0
    fill: float = 0.0
    interpolation: str = "bilinear"

    def __post_init__(self):
        for axis, tangent in (("x", self.x), ("y", self.y)):
            require(0 <= tangent <= 2, "shear", axis, tangent, "a tangent in 0..2")
        require(self.x + self.y > 0, "shear", "x", self.x, "x or y over 0")
        require_warp("shear", self.fill, self.interpolation)

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 6]: maps in fixed point, see pixels/affine.py."""
        x, y = (
            draw.uniform(part, [batch_size], -tangent, tangent)
            for part, tangent in zip(draw.split(seed, 2), (self.x, self.y), strict=True)
        )
        return affine.fixed_point(affine.shear(x, y, image_size))

    def apply(self, images, labels, parameters):
        seen = warp(images, parameters, fill=self.fill, interpolation=self.interpolation)
        return seen, labels
