"""Learning-rate schedules: the rate as a function of the step, and of nothing else.

Steps are int64 tensors counted from 0, so that a schedule runs inside the compiled step.
"""

from __future__ import annotations

import tensorflow as tf

from zoo.core.decay import DECAYS, Schedule, Span
from zoo.spec import bind, parse_call


def make_schedule(
    spec: str, *, peak: float, steps_per_epoch: int, epochs: int, warmup_epochs: float
) -> Schedule:
    """The schedule that `spec` names, after a linear warmup.

    spec: one of these; lengths in epochs, rates as parts of the peak (zoo/core/decay.py):
        constant
        step(30, 60, 90, factor=0.1)
        exponential(0.97)                     this factor an epoch
        polynomial(power=1, end=0)            `end` at the run's end
        cosine                                0 at the run's end
        cosine_restarts(10, multiply=2)       cosines of 10, 20, 40 ... epochs
        cyclic(4, low=0.1)                    from `low` to the peak and back in 4 epochs
        one_cycle(0.3, start=0.04, end=4e-6)  up for this part of the run, then down; no warmup
    peak: learning rate at the end of the warmup.

    Returns a function: step int64 scalar -> float32 scalar.
    Raises ValueError, in one line, for an unknown name or arguments that cannot be.
    """
    span = Span(
        steps_per_epoch, round(warmup_epochs * steps_per_epoch), epochs * steps_per_epoch
    )
    decay = bind(parse_call(spec), DECAYS, "--schedule")(span)

    def schedule(at_step: tf.Tensor) -> tf.Tensor:
        # Step 0 already learns: the rate of the first step is peak / warmup_steps.
        warmup = (tf.cast(at_step, tf.float32) + 1.0) / max(span.warmup_steps, 1)
        shape = decay(at_step) if span.warmup_steps == 0 else tf.where(
            at_step < span.warmup_steps, warmup, decay(at_step)
        )
        return tf.constant(peak, tf.float32) * shape

    return schedule


def scaled_from(schedule: Schedule, start_step: int, factor: float) -> Schedule:
    """`schedule`, times `factor` from `start_step` on."""
    return lambda at_step: schedule(at_step) * tf.where(at_step < start_step, 1.0, factor)
