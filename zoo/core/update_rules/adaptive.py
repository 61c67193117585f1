"""Rules that divide by the root of the gradient's mean square, entry by entry."""

from __future__ import annotations

import math
from collections.abc import Callable

from zoo.core.update_rules.rule import (
    Rule,
    cautious_direction,
    check_bool,
    check_not_negative,
    check_over_zero,
    check_share,
)
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def adam(beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> Rule:
    """Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1."""
    direction = adaptive_direction("adam", beta_1, beta_2, epsilon)

    def move(w, g, slots, rate, t, decay):
        d, slots = direction(g, slots, t)
        return w - rate * d, slots

    return Rule(("mean", "square"), move)


def adamw(
    beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, cautious: bool = False
) -> Rule:
    """Adam with decoupled decay (Loshchilov and Hutter 2019, arXiv 1711.05101), by the rate as
    PyTorch and Keras have it: w - rate (direction + decay w).

    cautious: only entries that agree with the gradient move, see `cautious_direction`.
    """
    direction = adaptive_direction("adamw", beta_1, beta_2, epsilon)
    return decoupled("adamw", direction, cautious)


def nadamw(
    beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, cautious: bool = False
) -> Rule:
    """AdamW whose direction looks one step ahead, as nesterov's does: beta_1 mean + (1 - beta_1) g
    in place of the mean (Dozat 2016), with AdamW's corrections of the bias, as timm has it.
    PyTorch's NAdam is another formula.

    cautious: as of `adamw`.
    """
    direction = adaptive_direction("nadamw", beta_1, beta_2, epsilon, ahead=True)
    return decoupled("nadamw", direction, cautious)


def adagrad(epsilon: float = 1e-10) -> Rule:
    """s = s + g^2; w - rate g / (sqrt(s) + epsilon): Duchi et al. 2011, as PyTorch has it."""
    check_over_zero("adagrad", "epsilon", epsilon)

    def move(w, g, slots, rate, t, decay):
        s = slots["square"] + tf.square(g)
        return w - rate * g / (tf.sqrt(s) + epsilon), {"square": s}

    return Rule(("square",), move)


def rmsprop(
    rho: float = 0.9, momentum: float = 0.9, epsilon: float = 1e-3, initial: float = 0.0
) -> Rule:
    """s = rho s + (1 - rho) g^2; m = momentum m + rate g / sqrt(s + epsilon); w - m.

    Hinton 2012, in TensorFlow's and Keras' form, which Inception's and MobileNet's papers used:
    epsilon inside the root, the rate inside the momentum.

    initial: s before the first update. 0 in Keras; 1 in TensorFlow 1 and in timm's RMSpropTF, where
    the first steps are smaller than with 0.
    """
    check_share("rmsprop", "rho", rho)
    check_share("rmsprop", "momentum", momentum)
    check_over_zero("rmsprop", "epsilon", epsilon)
    check_not_negative("rmsprop", "initial", initial)

    def move(w, g, slots, rate, t, decay):
        s = rho * slots["square"] + (1 - rho) * tf.square(g)
        # Slots are 0 at the start: what is left of the initial value stands beside them.
        left = initial * tf.pow(rho, t) if initial else 0.0
        m = momentum * slots["momentum"] + rate * g * tf.math.rsqrt(s + left + epsilon)
        return w - m, {"square": s, "momentum": m}

    return Rule(("square", "momentum"), move)


def adaptive_direction(
    rule: str, beta_1: float, beta_2: float, epsilon: float, *, ahead: bool = False
) -> Callable:
    """Adam's direction: the running mean of g over the root of that of g^2, both unbiased.

    ahead: the mean moves once more towards g, in the direction alone.
    """
    check_share(rule, "beta_1", beta_1)
    check_share(rule, "beta_2", beta_2)
    check_over_zero(rule, "epsilon", epsilon)

    def direction(g, slots, t):
        mean = beta_1 * slots["mean"] + (1 - beta_1) * g
        square = beta_2 * slots["square"] + (1 - beta_2) * tf.square(g)
        above = beta_1 * mean + (1 - beta_1) * g if ahead else mean
        d = above / _bias(beta_1, t) / (unbiased_root(square, beta_2, t) + epsilon)
        return d, {"mean": mean, "square": square}

    return direction


def decoupled(rule: str, direction: Callable, cautious: bool = False) -> Rule:
    """w - rate (direction + decay w)."""
    check_bool(rule, "cautious", cautious)

    def move(w, g, slots, rate, t, decay):
        d, slots = direction(g, slots, t)
        d = cautious_direction(d, g) if cautious else d
        return w - rate * (d + (decay or 0.0) * w), slots

    return Rule(("mean", "square"), move, decays=True)


def unbiased_root(square: tf.Tensor, beta: float, t: tf.Tensor) -> tf.Tensor:
    """The root of a running mean that began at 0."""
    return tf.sqrt(square / _bias(beta, t))


def _bias(beta: float, t: tf.Tensor) -> tf.Tensor:
    """1 - beta^t. By expm1: in float32 1 - 0.999^1 has lost four digits."""
    return -tf.math.expm1(t * math.log(beta)) if beta else tf.ones_like(t)
