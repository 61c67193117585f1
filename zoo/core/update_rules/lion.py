"""Lion: the sign of a mean of gradients."""

from __future__ import annotations

from zoo.core.update_rules.rule import Rule, cautious_direction, check_bool, check_share
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def lion(beta_1: float = 0.9, beta_2: float = 0.99, cautious: bool = False) -> Rule:
    """Chen et al. 2023 (arXiv 2302.06675), algorithm 2, with half of AdamW's slots:
    w - rate (sign(beta_1 m + (1 - beta_1) g) + decay w), then m = beta_2 m + (1 - beta_2) g.

    Each entry moves by the rate: the paper takes 3 to 10 times less than AdamW's, and as many times
    its decay. cautious: only entries that agree with the gradient move, see `cautious_direction`.
    """
    check_share("lion", "beta_1", beta_1)
    check_share("lion", "beta_2", beta_2)
    check_bool("lion", "cautious", cautious)

    def move(w, g, slots, rate, t, decay):
        m = slots["mean"]
        d = tf.sign(beta_1 * m + (1 - beta_1) * g)
        d = cautious_direction(d, g) if cautious else d
        return w - rate * (d + (decay or 0.0) * w), {"mean": beta_2 * m + (1 - beta_2) * g}

    return Rule(("mean",), move, decays=True)
