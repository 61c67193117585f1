"""Translation."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import affine, draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.warp import require_warp, warp


@dataclass(frozen=True)
class Translate:
    """Moves each image by shares of its side, uniform in [-x, x] across and [-y, y] down.

    fill: level of pixels from outside. interpolation: bilinear or nearest.

    Raises ValueError for shares outside 0..1, or both 0.
    """

    x: float = 0.0
    y: float = 0.0
    fill: float = 0.0
    interpolation: str = "bilinear"

    def __post_init__(self):
        for axis, share in (("x", self.x), ("y", self.y)):
            require(0 <= share <= 1, "translate", axis, share, "a share of the side in 0..1")
        require(self.x + self.y > 0, "translate", "x", self.x, "x or y over 0")
        require_warp("translate", self.fill, self.interpolation)

    def sample(self, seed, batch_size: int, image_size: int):
        """int32 [B, 6]: maps in fixed point, see pixels/affine.py."""
        across, down = (
            draw.uniform(part, [batch_size], -share * image_size, share * image_size)
            for part, share in zip(draw.split(seed, 2), (self.x, self.y), strict=True)
        )
        return affine.fixed_point(affine.translation(across, down))

    def apply(self, images, labels, parameters):
        seen = warp(images, parameters, fill=self.fill, interpolation=self.interpolation)
        return seen, labels
