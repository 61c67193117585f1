"""Learning-rate schedules: the rate as a function of the step, and of nothing else.

Each factory returns `schedule(step) -> float32 scalar`, with the peak scaled out: 1 is the peak
learning rate. Steps are int64 tensors counted from 0, so that a schedule runs inside the
compiled step.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from zoo.spec import bind, parse_call

Schedule = Callable[[tf.Tensor], tf.Tensor]


def make_schedule(
    spec: str, *, peak: float, steps_per_epoch: int, epochs: int, warmup_epochs: float
) -> Schedule:
    """The schedule that `spec` names, after a linear warmup.

    spec: "cosine", "constant" or "step(30, 60, 90, factor=0.1)", in epochs.
    peak: learning rate at the end of the warmup.
    Raises ValueError, in one line, for an unknown name or arguments that cannot be.
    """
    warmup_steps = round(warmup_epochs * steps_per_epoch)
    total_steps = epochs * steps_per_epoch

    def step_in_epochs(*at_epochs: float, factor: float = 0.1) -> Schedule:
        if not all(type(value) in (int, float) for value in (*at_epochs, factor)):
            raise ValueError(
                f"--schedule: got {spec}; expected epochs and a factor, a number in (0, 1)"
            )
        return step(
            [at_epoch * steps_per_epoch for at_epoch in at_epochs], factor, total_steps
        )

    decay = bind(
        parse_call(spec),
        {
            "constant": constant,
            "cosine": lambda: cosine(warmup_steps, total_steps),
            "step": step_in_epochs,
        },
        "--schedule",
    )

    def schedule(at_step: tf.Tensor) -> tf.Tensor:
        # Step 0 already learns: the rate of the first step is peak / warmup_steps.
        warmup = (tf.cast(at_step, tf.float32) + 1.0) / max(warmup_steps, 1)
        shape = decay(at_step) if warmup_steps == 0 else tf.where(
            at_step < warmup_steps, warmup, decay(at_step)
        )
        return tf.constant(peak, tf.float32) * shape

    return schedule


def scaled_from(schedule: Schedule, start_step: int, factor: float) -> Schedule:
    """`schedule`, times `factor` from `start_step` on."""
    return lambda at_step: schedule(at_step) * tf.where(at_step < start_step, 1.0, factor)


def constant() -> Schedule:
    return lambda at_step: tf.ones([], tf.float32)


def cosine(warmup_steps: int, total_steps: int) -> Schedule:
    """Half a cosine from 1 at the end of the warmup to 0 at the end (arXiv 1608.03983)."""

    def schedule(at_step: tf.Tensor) -> tf.Tensor:
        done = tf.cast(at_step - warmup_steps, tf.float32) / max(total_steps - warmup_steps, 1)
        return 0.5 * (1.0 + tf.cos(math.pi * tf.clip_by_value(done, 0.0, 1.0)))

    return schedule


def step(boundaries: list[float], factor: float, total_steps: int) -> Schedule:
    """factor ** (number of boundaries passed).

    Raises ValueError unless the boundaries grow, lie inside the run, and 0 < factor < 1.
    """
    finite = all(math.isfinite(boundary) for boundary in boundaries)
    rounded = [round(boundary) for boundary in boundaries] if finite else []
    inside = all(0 < boundary < total_steps for boundary in rounded)
    if not rounded or rounded != sorted(set(rounded)) or not inside:
        raise ValueError(
            f"--schedule: got step at steps {boundaries}; expected one or more growing epochs "
            f"within the run's {total_steps} steps"
        )
    if not 0 < factor < 1:
        raise ValueError(f"--schedule: got factor={factor}; expected a number in (0, 1)")

    def schedule(at_step: tf.Tensor) -> tf.Tensor:
        passed = tf.reduce_sum(tf.cast(at_step >= tf.constant(rounded, tf.int64), tf.float32))
        return tf.pow(tf.constant(factor, tf.float32), passed)

    return schedule
