"""AutoAugment (Cubuk et al., arXiv 1805.09501): the policies found for ImageNet and CIFAR-10."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require
from zoo.augment.pixels.choice import OPERATIONS, Ranges, apply_rounds, draw_round, stack_rounds
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

RANGES = Ranges(rotate=30.0, shear=0.3, translate=150 / 331, enhance=0.9, posterize=4)
# A line is a sub-policy: two times an operation, its probability in tenths, its magnitude of 0..9.
IMAGENET = """
posterize 4 8 rotate 6 9
solarize 6 5 autocontrast 6 0
equalize 8 0 equalize 6 0
posterize 6 7 posterize 6 6
equalize 4 0 solarize 2 4
equalize 4 0 rotate 8 8
solarize 6 3 equalize 6 0
posterize 8 5 equalize 10 0
rotate 2 3 solarize 6 8
equalize 6 0 posterize 4 6
rotate 8 8 color 4 0
rotate 4 9 equalize 6 0
equalize 0 0 equalize 8 0
invert 6 0 equalize 10 0
color 6 4 contrast 10 8
rotate 8 8 color 10 2
color 8 8 solarize 8 7
sharpness 4 7 invert 6 0
shear_x 6 5 equalize 10 0
color 4 0 equalize 6 0
equalize 4 0 solarize 2 4
solarize 6 5 autocontrast 6 0
invert 6 0 equalize 10 0
color 6 4 contrast 10 8
equalize 8 0 equalize 6 0
"""
CIFAR10 = """
invert 1 0 contrast 2 6
rotate 7 2 translate_x 3 9
sharpness 8 1 sharpness 9 3
shear_y 5 8 translate_y 7 9
autocontrast 5 0 equalize 9 0
shear_y 2 7 posterize 3 7
color 4 3 brightness 6 7
sharpness 3 9 brightness 7 9
equalize 6 0 equalize 5 0
contrast 6 7 sharpness 6 5
color 7 7 translate_x 5 8
equalize 3 0 autocontrast 4 0
translate_y 4 3 sharpness 2 6
brightness 9 6 color 2 8
solarize 5 2 invert 0 0
equalize 2 0 autocontrast 6 0
equalize 2 0 equalize 6 0
color 9 9 equalize 6 0
autocontrast 8 0 solarize 2 8
brightness 1 3 color 7 0
solarize 4 5 autocontrast 9 0
translate_y 9 9 translate_y 7 9
autocontrast 9 0 solarize 8 3
equalize 8 0 invert 1 0
translate_y 7 9 autocontrast 9 0
"""
POLICIES = {"imagenet": IMAGENET, "cifar10": CIFAR10}


@dataclass(frozen=True)
class AutoAugment:
    """One of 25 pairs of operations for each image, each of the two with its own probability.

    policy: imagenet or cifar10. Ranges are the paper's, but for a random sign of the blends (as
    in torchvision); works on whole levels.

    Raises ValueError for another policy.
    """

    policy: str = "imagenet"

    def __post_init__(self):
        good = self.policy in POLICIES
        require(good, "auto_augment", "policy", self.policy, f"one of {list(POLICIES)}")

    def sample(self, seed, batch_size: int, image_size: int) -> dict:
        """Two rounds, see pixels/choice.py."""
        seeds = draw.split(seed, 5)
        pair = draw.integers(seeds[0], [batch_size], 25)
        drawn = tf.gather(read_policy(POLICIES[self.policy]), pair)
        rounds = []
        for place in range(2):
            operation, tenths, magnitude = tf.unstack(drawn[:, place], axis=1)
            happens = draw.integers(seeds[1 + place], [batch_size], 10) < tenths
            rounds.append(draw_round(
                seeds[3 + place], tf.where(happens, operation, 0),
                tf.cast(magnitude, tf.float32) / 9.0, image_size, RANGES,
            ))
        return stack_rounds(rounds)

    def apply(self, images, labels, parameters: dict):
        return apply_rounds(images, parameters), labels


def read_policy(text: str) -> list:
    """25 times two of (place in OPERATIONS, probability in tenths, magnitude)."""
    return [
        [
            [OPERATIONS.index(words[first]), int(words[first + 1]), int(words[first + 2])]
            for first in (0, 3)
        ]
        for words in (line.split() for line in text.split("\n") if line)
    ]
