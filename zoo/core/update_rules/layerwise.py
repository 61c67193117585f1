"""Rules whose rate follows the norm of each weight, for large batches."""

from __future__ import annotations

from zoo.core.update_rules.adaptive import adaptive_direction
from zoo.core.update_rules.rule import Rule, check_over_zero, check_share, ratio
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def lars(momentum: float = 0.9, trust: float = 0.001) -> Rule:
    """You et al. 2017 (arXiv 1708.03888), algorithm 1: each weight's rate by norms.

    local = trust |w| / (|g| + decay |w|), 1 where a norm is 0; m = momentum m + rate local
    (g + decay w); w - m. Biases without decay: local = 1.
    """
    check_share("lars", "momentum", momentum)
    check_over_zero("lars", "trust", trust)

    def move(w, g, slots, rate, t, decay):
        if decay is not None:
            local = ratio(trust * tf.norm(w), tf.norm(g) + decay * tf.norm(w))
            g = local * (g + decay * w)
        m = momentum * slots["momentum"] + rate * g
        return w - m, {"momentum": m}

    return Rule(("momentum",), move, decays=True)


def lamb(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-6) -> Rule:
    """You et al. 2020 (arXiv 1904.00962), algorithm 2, with phi(z) = z.

    u = Adam's direction + decay w; w - rate |w| / |u| u, the ratio 1 where a norm is 0.
    Biases without decay: the ratio is 1.
    """
    direction = adaptive_direction("lamb", beta_1, beta_2, epsilon)

    def move(w, g, slots, rate, t, decay):
        u, slots = direction(g, slots, t)
        if decay is not None:
            u = u + decay * w
            u = ratio(tf.norm(w), tf.norm(u)) * u
        return w - rate * u, slots

    return Rule(("mean", "square"), move, decays=True)
