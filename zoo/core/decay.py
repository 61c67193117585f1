"""What a learning rate does after its warmup, as parts of the peak: 1 is the peak.

Each function takes its arguments as the recipe has them, lengths in epochs, and returns what makes
the schedule of a run of a given length. Arguments that cannot be raise ValueError, in one line.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

Schedule = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Span:
    """How long a run is, in steps; the warmup is its beginning."""

    steps_per_epoch: int
    warmup_steps: int
    total_steps: int


Decay = Callable[[Span], Schedule]


def constant() -> Decay:
    return lambda span: lambda at_step: tf.ones([], tf.float32)


def step(*at_epochs: float, factor: float = 0.1) -> Decay:
    """factor ** (number of epochs passed); they count from the run's start, not the warmup's end.

    They have to grow and lie within the run, 0 < factor < 1.
    """
    _check_numbers(*at_epochs, factor)
    _check_part("factor", factor)

    def over(span: Span) -> Schedule:
        boundaries = [at_epoch * span.steps_per_epoch for at_epoch in at_epochs]
        finite = all(math.isfinite(boundary) for boundary in boundaries)
        rounded = [round(boundary) for boundary in boundaries] if finite else []
        inside = all(0 < boundary < span.total_steps for boundary in rounded)
        if not rounded or rounded != sorted(set(rounded)) or not inside:
            raise ValueError(
                f"--schedule: got step at steps {boundaries}; expected one or more growing epochs "
                f"within the run's {span.total_steps} steps"
            )

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            passed = tf.reduce_sum(tf.cast(at_step >= tf.constant(rounded, tf.int64), tf.float32))
            return tf.pow(tf.constant(factor, tf.float32), passed)

        return schedule

    return over


def exponential(factor: float) -> Decay:
    """factor ** epochs, continuously; 0 < factor < 1."""
    _check_numbers(factor)
    _check_part("factor", factor)

    def over(span: Span) -> Schedule:
        return lambda at_step: tf.pow(
            tf.constant(factor, tf.float32), _since_warmup(at_step, span) / span.steps_per_epoch
        )

    return over


def polynomial(power: float = 1.0, end: float = 0.0) -> Decay:
    """(1 - done) ** power, from 1 to `end` in [0, 1) at the run's end; power over 0."""
    _check_numbers(power, end)
    _check(0 < power < math.inf, "power", power, "a number over 0")
    _check_part("end", end, or_zero=True)

    def over(span: Span) -> Schedule:
        return lambda at_step: end + (1 - end) * tf.pow(1 - _done(at_step, span), power)

    return over


def cosine() -> Decay:
    """Half a cosine from 1 to 0 at the run's end (arXiv 1608.03983)."""
    return lambda span: lambda at_step: _half_cosine(_done(at_step, span))


def cosine_restarts(first: float, multiply: float = 1.0) -> Decay:
    """Cosines one after another (SGDR, arXiv 1608.03983): the first takes `first` epochs, each
    other `multiply` times (1 or more) the one before it."""
    _check_numbers(first, multiply)
    _check(0 < first < math.inf, "first", first, "epochs over 0")
    _check(1 <= multiply < math.inf, "multiply", multiply, "a number of 1 or more")

    def over(span: Span) -> Schedule:
        period = first * span.steps_per_epoch
        _check(period >= 1, "first", first, "a step's length or more")

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            # float64: a period's start must not be missed by rounding.
            since = tf.cast(_since_warmup(at_step, span, tf.float64), tf.float64) / period
            if multiply == 1:
                return _half_cosine(tf.cast(since % 1, tf.float32))
            periods = tf.floor(tf.math.log1p(since * (multiply - 1)) / math.log(multiply) + 1e-9)
            start = (multiply**periods - 1) / (multiply - 1)
            return _half_cosine(tf.cast((since - start) / multiply**periods, tf.float32))

        return schedule

    return over


def cyclic(period: float, low: float = 0.1) -> Decay:
    """Up and down in straight lines (Smith 2017, arXiv 1506.01186): from `low` in [0, 1) to 1 in
    half of `period` epochs, and back."""
    _check_numbers(period, low)
    _check(0 < period < math.inf, "period", period, "epochs over 0")
    _check_part("low", low, or_zero=True)

    def over(span: Span) -> Schedule:
        steps = period * span.steps_per_epoch
        _check(steps >= 2, "period", period, "two steps' length or more")

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            place = tf.cast(_since_warmup(at_step, span, tf.float64) / steps % 1, tf.float32)
            return low + (1 - low) * (1 - tf.abs(2 * place - 1))

        return schedule

    return over


def one_cycle(rise: float = 0.3, start: float = 0.04, end: float = 4e-6) -> Decay:
    """One rise and one fall over the run (Smith and Topin 2017, arXiv 1708.07120), both cosines:
    from `start` to 1 in the part `rise` of the run, then to `end`. Without a warmup: it has one.
    """
    _check_numbers(rise, start, end)
    for name, value in (("rise", rise), ("start", start), ("end", end)):
        _check_part(name, value, or_zero=name != "rise")

    def over(span: Span) -> Schedule:
        if span.warmup_steps:
            raise ValueError("--warmup_epochs: got some; expected 0, since one_cycle rises itself")
        # The first step has `start`, the last one `end`, as in PyTorch.
        top, last = rise * span.total_steps - 1, span.total_steps - 1
        _check(0 < top < last, "rise", rise, f"a part of the run's {span.total_steps} steps that "
               "leaves some for the rise and some for the fall")

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            at = tf.cast(at_step, tf.float32)
            up = start + (1 - start) * (1 - _half_cosine(at / top))
            down = end + (1 - end) * _half_cosine(tf.minimum((at - top) / (last - top), 1.0))
            return tf.where(at < top, up, down)

        return schedule

    return over


def plateau(factor: float = 0.1, patience: int = 10, threshold: float = 1e-4) -> Decay:
    """1 here: the rate falls by evaluations, see `evaluations.rate_factor`."""
    _check_numbers(factor, patience, threshold)
    _check_part("factor", factor)
    _check_part("threshold", threshold, or_zero=True)
    _check(patience >= 0 and patience == int(patience), "patience", patience, "evaluations")
    return constant()


DECAYS = {
    decay.__name__: decay
    for decay in (constant, step, exponential, polynomial, cosine, cosine_restarts, cyclic,
                  one_cycle, plateau)
}


def _since_warmup(at_step: tf.Tensor, span: Span, dtype: tf.DType = tf.float32) -> tf.Tensor:
    return tf.cast(tf.maximum(at_step - span.warmup_steps, 0), dtype)


def _done(at_step: tf.Tensor, span: Span) -> tf.Tensor:
    """float32 scalar in [0, 1], the part of the steps after the warmup that are done."""
    steps = max(span.total_steps - span.warmup_steps, 1)
    return tf.minimum(_since_warmup(at_step, span) / steps, 1.0)


def _half_cosine(done: tf.Tensor) -> tf.Tensor:
    """From 1 at 0 to 0 at 1."""
    return 0.5 * (1.0 + tf.cos(math.pi * done))


def _check_numbers(*values: object) -> None:
    for value in values:
        if type(value) not in (int, float):
            raise ValueError(f"--schedule: got the argument {value!r}; expected numbers")


def _check_part(name: str, value: float, *, or_zero: bool = False) -> None:
    expected = "a number from 0 to less than 1" if or_zero else "a number in (0, 1)"
    _check(0 < value < 1 or (or_zero and value == 0), name, value, expected)


def _check(good: bool, name: str, value: object, expected: str) -> None:
    if not good:
        raise ValueError(f"--schedule: got {name}={value!r}; expected {expected}")
