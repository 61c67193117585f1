"""mixup or CutMix, by chance (timm's and torchvision's recipes)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.cutmix import Cutmix
from zoo.augment.mixup import Mixup
from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")
tf = lazy_module("tensorflow")


@dataclass(frozen=True)
class MixupOrCutmix:
    """Each image is changed by CutMix with probability `cutmix_rate`, else by mixup.

    Each image draws for itself; with `whole_batch` the batch draws once, as in timm and
    torchvision: one of the two, its share and its rectangle. The other images are a random
    permutation of the batch either way.

    Raises ValueError for alphas outside 1e-30..1e30, cutmix_rate outside (0, 1), ends excluded, or
    a whole_batch that is neither True nor False.
    """

    mixup_alpha: float = 0.8
    cutmix_alpha: float = 1.0
    cutmix_rate: float = 0.5
    whole_batch: bool = False

    def __post_init__(self):
        for name, op in (("mixup_alpha", Mixup), ("cutmix_alpha", Cutmix)):
            try:
                op(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"mixup_or_cutmix: {error}") from None
        good = 0 < self.cutmix_rate < 1
        require(good, "mixup_or_cutmix", "cutmix_rate", self.cutmix_rate, "a number in (0, 1)")
        good = type(self.whole_batch) is bool
        require(good, "mixup_or_cutmix", "whole_batch", self.whole_batch, "True or False")

    def sample(self, seed, batch_size: int, image_size: int):
        """(parameters of mixup, parameters of CutMix): where one of the two was drawn, those of the
        other change nothing."""
        seeds = draw.split(seed, 3)
        share, partner = Mixup(self.mixup_alpha).sample(seeds[0], batch_size, image_size)
        rectangles, other = Cutmix(self.cutmix_alpha).sample(seeds[1], batch_size, image_size)
        cut = draw.chance(seeds[2], batch_size, self.cutmix_rate)
        if self.whole_batch:
            share, rectangles, cut = (
                tf.repeat(each[:1], batch_size, 0) for each in (share, rectangles, cut)
            )
        return (
            (tf.where(cut, 1.0, share), partner),
            (tf.where(cut[:, None], rectangles, 0), other),
        )

    def apply(self, images, labels, parameters):
        mixup, cutmix = parameters
        # Both from the images as they came: a partner must not be a blend already.
        blended, blended_labels = Mixup(self.mixup_alpha).apply(images, labels, mixup)
        rectangles = cutmix[0]
        cut = rectangles[:, 2] > rectangles[:, 0]
        pasted, pasted_labels = Cutmix(self.cutmix_alpha).apply(images, labels, cutmix)
        return (
            ops.where(cut[:, None, None, None], pasted, blended),
            ops.where(cut[:, None], pasted_labels, blended_labels),
        )
