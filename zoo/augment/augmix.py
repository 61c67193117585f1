"""AugMix (Hendrycks et al., arXiv 1912.02781), without its consistency loss."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.augment.pixels import draw
from zoo.augment.pixels.arguments import require, require_alpha
from zoo.augment.pixels.choice import OPERATIONS, Ranges, apply_rounds, draw_round, stack_rounds
from zoo.lazy import lazy_module

ops = lazy_module("keras.ops")
tf = lazy_module("tensorflow")

RANGES = Ranges(rotate=30.0, shear=0.3, translate=1 / 3, enhance=0.0, posterize=4)
# Without the colour operations, which are among ImageNet-C's corruptions.
CHOICES = tuple(OPERATIONS.index(name) for name in (
    "autocontrast", "equalize", "posterize", "rotate", "solarize", "shear_x", "shear_y",
    "translate_x", "translate_y",
))
DEPTH = 3


@dataclass(frozen=True)
class Augmix:
    """Blends the image with `width` chains of one to three operations, drawn from nine.

    severity: magnitudes are uniform in [0, severity], of RandAugment's 10. The chains' weights are
    from Dirichlet(alpha), the share of the image itself from Beta(alpha, alpha).

    Raises ValueError for a severity outside (0, 10], a width that is no whole number in 1..8, an
    alpha outside 1e-30..1e30.
    """

    severity: float = 3.0
    width: int = 3
    alpha: float = 1.0

    def __post_init__(self):
        good = 0 < self.severity <= 10
        require(good, "augmix", "severity", self.severity, "a number in (0, 10]")
        good = type(self.width) is int and 1 <= self.width <= 8
        require(good, "augmix", "width", self.width, "a whole number in 1..8")
        require_alpha("augmix", "alpha", self.alpha)

    def sample(self, seed, batch_size: int, image_size: int) -> dict:
        """rounds: three of width * B images, see pixels/choice.py; weights of the chains: float32
        [B, width]; share of the image itself: float32 [B]."""
        seeds = draw.split(seed, 3 + DEPTH)
        count = self.width * batch_size
        depth = 1 + draw.integers(seeds[0], [count], DEPTH)
        rounds = []
        for place, round_seed in enumerate(seeds[3:]):
            first, second, third = draw.split(round_seed, 3)
            choice = tf.gather(CHOICES, draw.integers(first, [count], len(CHOICES)))
            operation = tf.where(place < depth, choice, 0)
            fraction = draw.uniform(second, [count], 0.0, self.severity / 10.0)
            rounds.append(draw_round(third, operation, fraction, image_size, RANGES))
        weights = draw.dirichlet(seeds[1], [batch_size, self.width], self.alpha)
        return {
            "rounds": stack_rounds(rounds),
            "weights": weights,
            "share": draw.beta(seeds[2], [batch_size], self.alpha),
        }

    def apply(self, images, labels, parameters: dict):
        chains = apply_rounds(ops.tile(images, (self.width, 1, 1, 1)), parameters["rounds"])
        chains = ops.reshape(chains, (self.width, *images.shape))
        mixed = sum(
            parameters["weights"][:, chain, None, None, None] * (chains[chain] - images)
            for chain in range(self.width)
        )
        # The weights sum to 1, so that this is the blend; written as a change of the image, chains
        # that change nothing leave every bit as it was.
        share = parameters["share"][:, None, None, None]
        return ops.clip(images + (1.0 - share) * mixed, 0.0, 255.0), labels
