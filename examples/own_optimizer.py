"""An optimizer of your own, used without a change to the zoo:

    PYTHONPATH=examples python -m recipes.lenet5 --optimizer="own_optimizer:lion(beta_2=0.98)" \\
        --learning_rate=0.0003

The function returns a Rule: the names of what is kept of each weight, 0 at the start, and how one
weight moves. Clipping, learning rates by stage and the loss scale of float16 are the zoo's.
"""

from __future__ import annotations

import tensorflow as tf

from zoo.core.optimizer import Rule


def lion(beta_1: float = 0.9, beta_2: float = 0.99) -> Rule:
    """Lion (Chen et al. 2023, arXiv 2302.06675): w - rate (sign(b1 m + (1 - b1) g) + decay w),
    then m = b2 m + (1 - b2) g.

    Raises ValueError for betas outside [0, 1).
    """
    if not (0 <= beta_1 < 1 and 0 <= beta_2 < 1):
        raise ValueError(f"lion: got betas {beta_1}, {beta_2}; expected numbers in [0, 1)")

    def move(w, g, slots, rate, t, decay):
        # decay: None for biases and batch-norm parameters. t: number of this update, from 1.
        m = slots["mean"]
        direction = tf.sign(beta_1 * m + (1 - beta_1) * g) + (decay or 0.0) * w
        return w - rate * direction, {"mean": beta_2 * m + (1 - beta_2) * g}

    return Rule(("mean",), move, decays=True)  # or the decay would be added to the gradient
