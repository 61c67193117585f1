"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from zoo.core.update_rules.rule import Rule, check_share


def sgd() -> Rule:
    """w - rate g."""
    return Rule((), lambda w, g, slots, rate, t, decay: (w - rate * g, {}))


def momentum(momentum: float = 0.9) -> Rule:
    """m = momentum m - rate g; w + m: the rate inside, as MXNet and Keras have it. They differ
    from PyTorch's, outside, while the rate changes."""
    check_share("momentum", "momentum", momentum)

    def move(w, g, slots, rate, t, decay):
        m = momentum * slots["momentum"] - rate * g
        return w + m, {"momentum": m}

    return Rule(("momentum",), move)


def nesterov(momentum: float = 0.9) -> Rule:
    """m = momentum m - rate g; w + momentum m - rate g: Sutskever et al. 2013's form of
    Nesterov's accelerated gradient, as MXNet's NAG and Keras' SGD have it."""
    check_share("nesterov", "momentum", momentum)

    def move(w, g, slots, rate, t, decay):
        m = momentum * slots["momentum"] - rate * g
        return w + momentum * m - rate * g, {"momentum": m}

    return Rule(("momentum",), move)
