"""PCA noise (Krizhevsky et al. 2012), called lighting in MXNet and PyTorch examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require_alpha, require_colour
from zoo.augment.pixels.colour import clip
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")

# Of ImageNet's RGB levels: standard deviations along the axes, and the axes as columns.
DEVIATIONS = (55.46, 4.794, 1.148)
AXES = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


@dataclass(frozen=True)
class Lighting:
    """Adds one colour to all pixels: along each principal axis of ImageNet's colours, N(0, alpha)
    times the deviation there.

    Raises ValueError for alpha outside 1e-30..1e30; in `apply` for images that are not RGB.
    """

    wants_colour: ClassVar[bool] = True

    alpha: float

    def __post_init__(self):
        require_alpha("lighting", "alpha", self.alpha)

    def sample(self, seed, batch_size: int, image_size: int):
        """float32 [B, 3]: the draws from N(0, alpha)."""
        return draw.normal(seed, [batch_size, 3], self.alpha)

    def apply(self, images, labels, parameters):
        require_colour("lighting", images.shape[-1])
        colour = sum(
            parameters[:, k, None] * ops.convert_to_tensor([deviation * axes[k] for axes in AXES])
            for k, deviation in enumerate(DEVIATIONS)
        )
        return clip(images + colour[:, None, None]), labels
