"""TrivialAugment, wide (Mueller and Hutter, arXiv 2103.10158)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.choice import Ranges, apply_rounds, draw_round, stack_rounds
from zoo.augment.rand_augment import CHOICES
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

# 32 pixels in the paper, of 224.
RANGES = Ranges(rotate=135.0, shear=0.99, translate=32 / 224, enhance=0.99, posterize=6)
BINS = 30


@dataclass(frozen=True)
class TrivialAugment:
    """One operation for each image, drawn from RandAugment's 14, at any of 31 magnitudes.

    At the last: rotation by 135 degrees, shear 0.99, translation by 1/7 of the side (32 of 224
    pixels), blends by 1 +- 0.99, 2 bits, solarisation from 0. Works on whole levels.
    """

    def sample(self, seed, batch_size: int, image_size: int) -> dict:
        """One round, see pixels/choice.py."""
        first, second, third = draw.split(seed, 3)
        operation = draw.integers(first, [batch_size], CHOICES)
        fraction = tf.cast(draw.integers(second, [batch_size], BINS + 1), tf.float32) / BINS
        return stack_rounds([draw_round(third, operation, fraction, image_size, RANGES)])

    def apply(self, images, labels, parameters: dict):
        return apply_rounds(images, parameters), labels
