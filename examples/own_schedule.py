"""A learning-rate schedule of your own, used without a change to the zoo:

    PYTHONPATH=examples python -m recipes.lenet5 --schedule="own_schedule:cooldown(0.4)"

The function takes the schedule's arguments and returns a function of the run's length, a Span;
that returns the schedule: the share of the peak rate at a step. The zoo puts the warmup before it.
"""

from __future__ import annotations

import tensorflow as tf

from zoo.core.decay import Decay, Span


def cooldown(share: float = 0.2) -> Decay:
    """The peak rate, then a straight line down to 0 over the last `share` of the run
    (Haegele et al. 2024, arXiv 2405.18392).

    Raises ValueError for a share outside (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"cooldown: got share={share}; expected a number in (0, 1]")

    def over(span: Span):
        length = share * span.total_steps

        def schedule(at_step):
            # at_step: int64 scalar from 0. It is compiled with the training step.
            left = tf.cast(span.total_steps - at_step, tf.float32)
            return tf.clip_by_value(left / length, 0.0, 1.0)

        return schedule

    return over
