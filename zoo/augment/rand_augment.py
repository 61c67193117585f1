"""RandAugment (Cubuk et al., arXiv 1909.13719)."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require, require_rate
from zoo.augment.pixels.choice import OPERATIONS, Ranges, apply_rounds, draw_round, stack_rounds
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

RANGES = Ranges(rotate=30.0, shear=0.3, translate=150 / 331, enhance=0.9, posterize=4)
CHOICES = 14  # the first of OPERATIONS
# timm's, of "inc1", where every operation grows with the magnitude: without the identity, with the
# two last; at the full magnitude no bit is left of an image.
TIMM_RANGES = Ranges(rotate=30.0, shear=0.3, translate=0.45, enhance=0.9, posterize=4, bits=4,
                     truncates=True)
OPERATION_SETS = {"paper": (0, CHOICES, RANGES), "timm": (1, len(OPERATIONS), TIMM_RANGES)}


@dataclass(frozen=True)
class RandAugment:
    """`n` operations for each image, each drawn from 14 for itself, at magnitude `m` of 0..10.

    std: of the magnitude, normal about m, cut to 0..10. rate: probability with which each of the
    `n` is applied; 0.5 in timm. operations: paper, or timm for the 15 of its "rand-...-inc1".
    At 10: rotation by 30 degrees, shear 0.3, translation by 150/331 of the side, blends by
    1 +- 0.9, 4 bits, solarisation from 0: every operation grows with m, as in torchvision, whose m
    is of 0..30. timm has no identity, but inversion and solarize_add (up to 110 on levels below
    128), keeps 4 bits at magnitude 0 and none at 10, and translates by 0.45. Works on whole levels,
    as PIL does; nearest pixels; 128 from outside.

    Raises ValueError for n that is no whole number of 1 or more, m outside (0, 10], std below 0, a
    rate outside (0, 1], or other operations.
    """

    n: int = 2
    m: float = 9.0
    std: float = 0.0
    rate: float = 1.0
    operations: str = "paper"

    def __post_init__(self):
        good = type(self.n) is int and 1 <= self.n <= 16
        require(good, "rand_augment", "n", self.n, "a whole number in 1..16")
        require(0 < self.m <= 10, "rand_augment", "m", self.m, "a number in (0, 10]")
        require(0 <= self.std <= 10, "rand_augment", "std", self.std, "a number in 0..10")
        require_rate("rand_augment", self.rate)
        good = self.operations in OPERATION_SETS
        require(good, "rand_augment", "operations", self.operations,
                f"one of {list(OPERATION_SETS)}")

    def sample(self, seed, batch_size: int, image_size: int) -> dict:
        """`n` rounds, see pixels/choice.py."""
        begin, end, ranges = OPERATION_SETS[self.operations]
        rounds = []
        for round_seed in draw.split(seed, self.n):
            first, second, third = draw.split(round_seed, 3)
            operation = begin + draw.integers(first, [batch_size], end - begin)
            if self.rate < 1:
                applied = draw.chance(draw.fold_in(first, 1), batch_size, self.rate)
                operation = tf.where(applied, operation, OPERATIONS.index("identity"))
            magnitude = tf.fill([batch_size], float(self.m))
            if self.std:
                magnitude += draw.normal(second, [batch_size], self.std)
            fraction = tf.clip_by_value(magnitude, 0.0, 10.0) / 10.0
            rounds.append(draw_round(third, operation, fraction, image_size, ranges))
        return stack_rounds(rounds)

    def apply(self, images, labels, parameters: dict):
        return apply_rounds(images, parameters), labels
