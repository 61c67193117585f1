"""Learning-rate schedules: the rate as a function of the step, and of nothing else.

Steps are int64 tensors counted from 0, so that a schedule runs inside the compiled step. Importing
this file loads no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo.address import is_address
from zoo.core.decay import DECAYS, Decay, Schedule, make_span
from zoo.lazy import lazy_module
from zoo.spec import bind, parse_call

tf = lazy_module("tensorflow")

# More steps than an epoch ever has: what cannot be at this number cannot be at any.
MOST_STEPS_PER_EPOCH = 10**9


def make_schedule(
    spec: str, *, peak: float, steps_per_epoch: int, epochs: int, warmup_epochs: float
) -> Schedule:
    """The schedule that `spec` names, after a linear warmup.

    spec: one of these, with lengths in epochs and rates as shares of the peak (zoo/core/decay.py):
        constant
        step(30, 60, 90, factor=0.1)
        exponential(0.97)                     this factor an epoch
        polynomial(power=1, end=0)            `end` at the end of the run
        cosine(end=0)                         `end` at the end of the run
        cosine_restarts(10, multiply=2)       cosines of 10, 20, 40 ... epochs; also decay, end
        cyclic(4, low=0.1)                    from `low` to the peak and back in 4 epochs
        one_cycle(0.3, start=0.04, end=4e-6)  up for this share of the run, then down; no warmup
        plateau(0.1, patience=10)             down where evaluations get no better: `rate_factor`
        package.module:Name(...)              a function of yours that returns a Decay
    peak: learning rate at the end of the warmup.

    Returns a function: step int64 scalar -> float32 scalar.
    Raises ValueError, in one line, for an unknown name or arguments that cannot be.
    """
    span = make_span(
        steps_per_epoch=steps_per_epoch, epochs=epochs, warmup_epochs=warmup_epochs
    )
    decay = _bind(spec)(span)
    if not callable(decay):
        raise ValueError(
            f"schedule {spec}: got {type(decay).__name__} for a run; expected a function of a step"
        )

    def schedule(at_step: tf.Tensor) -> tf.Tensor:
        # Step 0 already learns: the rate of the first step is peak / warmup_steps.
        warmup = (tf.cast(at_step, tf.float32) + 1.0) / max(span.warmup_steps, 1)
        shape = decay(at_step) if span.warmup_steps == 0 else tf.where(
            at_step < span.warmup_steps, warmup, decay(at_step)
        )
        return tf.constant(peak, tf.float32) * shape

    return schedule


def check_schedule(spec: str, *, epochs: int, warmup_epochs: float = 0.0) -> None:
    """Raises ValueError, in one line, where `make_schedule` would for any data set.

    Loads no TensorFlow. A schedule by address gets its arguments, but no run.
    """
    decay = _bind(spec)
    if not is_address(parse_call(spec).name):
        decay(make_span(
            steps_per_epoch=MOST_STEPS_PER_EPOCH, epochs=epochs, warmup_epochs=warmup_epochs
        ))


def rate_factor(spec: str, records: Sequence[dict]) -> float:
    """What the rate of the schedule `spec` is multiplied by after the evaluations `records`.

    1 but for schedules that look at evaluations, which have a method `rate_factor(records)`, as
    plateau has. A resumed run has the same records (metrics.jsonl), and so the same factor.
    """
    decay = _bind(spec)
    return decay.rate_factor(records) if hasattr(decay, "rate_factor") else 1.0


def scaled_from(schedule: Schedule, start_step: int, factor: float) -> Schedule:
    """`schedule`, times `factor` from `start_step` on."""
    return lambda at_step: schedule(at_step) * tf.where(at_step < start_step, 1.0, factor)


def _bind(spec: str) -> Decay:
    decay = bind(parse_call(spec), DECAYS, "schedule")
    if not callable(decay):
        raise ValueError(
            f"schedule {spec}: got {type(decay).__name__}; expected a function that returns a "
            "function of the run's Span (zoo/core/decay.py)"
        )
    return decay
