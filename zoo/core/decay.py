"""What the learning rate does after the warmup, as a share of its peak: 1 is the peak.

Each function here takes its arguments as a recipe writes them, with lengths in epochs, and returns
a Decay: a function that makes the schedule once the length of the run is known. They raise
ValueError, in one line, for arguments that cannot be. Importing this file loads no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

from zoo.lazy import lazy_module
from zoo.spec import require

tf = lazy_module("tensorflow")

Schedule = Callable[["tf.Tensor"], "tf.Tensor"]  # step, int64 scalar -> float32 scalar


@dataclasses.dataclass(frozen=True)
class Span:
    """How long a run is, in steps; the warmup is its beginning."""

    steps_per_epoch: int
    warmup_steps: int
    total_steps: int
    batch_size: int = 1  # images a step

    @property
    def epochs(self) -> float:
        return self.total_steps / self.steps_per_epoch


def make_span(
    *, steps_per_epoch: int, epochs: int, warmup_epochs: float = 0.0, batch_size: int = 1
) -> Span:
    """The Span of a run whose lengths are given in epochs."""
    return Span(
        steps_per_epoch, round(warmup_epochs * steps_per_epoch), epochs * steps_per_epoch,
        batch_size,
    )


Decay = Callable[[Span], Schedule]


def constant() -> Decay:
    return lambda span: lambda at_step: tf.ones([], tf.float32)


def step(*at_epochs: float, factor: float = 0.1) -> Decay:
    """factor ** (how many of `at_epochs` have passed), with 0 < factor < 1.

    Epochs count from the start of the run, not from the end of the warmup. They have to grow and
    to lie within the run.
    """
    _check_numbers("step", *at_epochs, factor)
    _check_share("step", "factor", factor)

    def over(span: Span) -> Schedule:
        boundaries = [at_epoch * span.steps_per_epoch for at_epoch in at_epochs]
        finite = all(math.isfinite(boundary) for boundary in boundaries)
        rounded = [round(boundary) for boundary in boundaries] if finite else []
        inside = all(0 < boundary < span.total_steps for boundary in rounded)
        parts = min(len(at_epochs) + 1, span.total_steps)
        even = ", ".join(f"{span.epochs * part / parts:.3g}" for part in range(1, parts))
        require(
            bool(rounded) and rounded == sorted(set(rounded)) and inside, "step", "at_epochs",
            at_epochs, "one or more growing epochs, each at a step of its own, within the run's "
            f"{span.epochs:g}, such as {f'step({even})' if even else 'cosine'}",
        )

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            passed = tf.reduce_sum(tf.cast(at_step >= tf.constant(rounded, tf.int64), tf.float32))
            return tf.pow(tf.constant(factor, tf.float32), passed)

        return schedule

    return over


def exponential(factor: float) -> Decay:
    """factor ** (epochs since the warmup), fractions of epochs included; 0 < factor < 1."""
    _check_numbers("exponential", factor)
    _check_share("exponential", "factor", factor)

    def over(span: Span) -> Schedule:
        return lambda at_step: tf.pow(
            tf.constant(factor, tf.float32), _since_warmup(at_step, span) / span.steps_per_epoch
        )

    return over


def polynomial(power: float = 1.0, end: float = 0.0) -> Decay:
    """From 1 to `end` at the end of the run, as (1 - share of the run that is done) ** power.

    power: over 0. end: in [0, 1).
    """
    _check_numbers("polynomial", power, end)
    require(0 < power < math.inf, "polynomial", "power", power, "a number over 0")
    _check_share("polynomial", "end", end, or_zero=True)

    def over(span: Span) -> Schedule:
        return lambda at_step: end + (1 - end) * tf.pow(1 - _done(at_step, span), power)

    return over


def cosine(end: float = 0.0) -> Decay:
    """Half a period of a cosine, from 1 to `end`, at the end of the run (arXiv 1608.03983)."""
    good = type(end) in (int, float) and 0 <= end < 1
    require(good, "cosine", "end", end, "a number from 0 to less than 1")
    return lambda span: lambda at_step: end + (1 - end) * _half_cosine(_done(at_step, span))


def cosine_restarts(
    first: float, multiply: float = 1.0, decay: float = 1.0, end: float = 0.0, cycles: int = 0
) -> Decay:
    """Cosines one after another (SGDR, arXiv 1608.03983), each from its peak to `end`.

    first: length of the first one, epochs. multiply: each later one is so many times as long as
    the one before it, 1 or more. decay: as its peak is so many times as high, over 0 up to 1.
    cycles: how many there are, and the rate stays at `end` behind them; 0: as many as the run has
    room for.
    """
    name = "cosine_restarts"
    _check_numbers(name, first, multiply, decay, end, cycles)
    require(0 < first < math.inf, name, "first", first, "epochs over 0")
    require(1 <= multiply < math.inf, name, "multiply", multiply, "a number of 1 or more")
    require(0 < decay <= 1, name, "decay", decay, "a number over 0, up to 1")
    _check_share(name, "end", end, or_zero=True)
    require(type(cycles) is int and cycles >= 0, name, "cycles", cycles, "a whole number")

    def over(span: Span) -> Schedule:
        period = first * span.steps_per_epoch
        require(period >= 1, name, "first", first, "the length of a step or more")

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            # float64: a period's start must not be missed by rounding.
            since = tf.cast(_since_warmup(at_step, span, "float64"), tf.float64) / period
            if multiply == 1:
                number, done = tf.floor(since), since % 1
            else:
                number = tf.floor(tf.math.log1p(since * (multiply - 1)) / math.log(multiply) + 1e-9)
                done = since - (multiply**number - 1) / (multiply - 1)
                done = done / multiply**number
            peak = tf.cast(decay**number, tf.float32)
            share = end + (peak - end) * _half_cosine(tf.cast(done, tf.float32))
            return tf.where(number < cycles, share, end) if cycles else share

        return schedule

    return over


def cyclic(period: float, low: float = 0.1) -> Decay:
    """Up and down in straight lines (Smith 2017, arXiv 1506.01186): from `low` to 1 in the first
    half of `period`, and back in the second.

    period: epochs. low: in [0, 1).
    """
    _check_numbers("cyclic", period, low)
    require(0 < period < math.inf, "cyclic", "period", period, "epochs over 0")
    _check_share("cyclic", "low", low, or_zero=True)

    def over(span: Span) -> Schedule:
        steps = period * span.steps_per_epoch
        require(steps >= 2, "cyclic", "period", period, "the length of two steps or more")

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            place = tf.cast(_since_warmup(at_step, span, "float64") / steps % 1, tf.float32)
            return low + (1 - low) * (1 - tf.abs(2 * place - 1))

        return schedule

    return over


def one_cycle(rise: float = 0.3, start: float = 0.04, end: float = 4e-6) -> Decay:
    """One rise and one fall over the run (Smith and Topin 2017, arXiv 1708.07120), both cosines.

    rise: share of the run in which the rate grows from `start` to 1, in (0, 1); then it falls to
    `end`. It is its own warmup: the run must have no other.
    """
    _check_numbers("one_cycle", rise, start, end)
    for name, value in (("rise", rise), ("start", start), ("end", end)):
        _check_share("one_cycle", name, value, or_zero=name != "rise")

    def over(span: Span) -> Schedule:
        if span.warmup_steps:
            raise ValueError("one_cycle: got a warmup; expected --warmup_epochs=0: its rise is one")
        # The first step has `start`, the last one `end`, as in PyTorch.
        top, last = rise * span.total_steps - 1, span.total_steps - 1
        require(0 < top < last, "one_cycle", "rise", rise, "a share of the run that leaves steps "
                "for the rise and for the fall")

        def schedule(at_step: tf.Tensor) -> tf.Tensor:
            at = tf.cast(at_step, tf.float32)
            up = start + (1 - start) * (1 - _half_cosine(at / top))
            down = end + (1 - end) * _half_cosine(tf.minimum((at - top) / (last - top), 1.0))
            return tf.where(at < top, up, down)

        return schedule

    return over


@dataclasses.dataclass(frozen=True)
class Plateau:
    """Falls where the validation loss no longer does: PyTorch's ReduceLROnPlateau.

    A Decay of 1 whatever the step is. What makes it fall is `rate_factor`, at each evaluation.
    factor: in (0, 1). patience: whole number of evaluations, 0 or more. threshold: in [0, 1).
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4

    def __post_init__(self):
        _check_numbers("plateau", self.factor, self.patience, self.threshold)
        _check_share("plateau", "factor", self.factor)
        _check_share("plateau", "threshold", self.threshold, or_zero=True)
        whole = self.patience >= 0 and self.patience % 1 == 0
        require(whole, "plateau", "patience", self.patience, "a whole number of evaluations")

    def __call__(self, span: Span) -> Schedule:
        return constant()(span)

    def rate_factor(self, records: Sequence[dict]) -> float:
        """What the rate is multiplied by after the evaluations `records`, which hold "loss".

        It is multiplied by `factor` after more than `patience` evaluations in a row whose loss was
        not below (1 - threshold) times the lowest one before.
        """
        result, lowest, waited = 1.0, math.inf, 0
        for record in records:
            if record["loss"] < lowest * (1 - self.threshold):
                lowest, waited = record["loss"], 0
            else:
                waited += 1
            if waited > self.patience:
                result, waited = result * self.factor, 0
        return result


DECAYS: dict[str, Callable[..., Decay]] = {
    decay.__name__: decay
    for decay in (constant, step, exponential, polynomial, cosine, cosine_restarts, cyclic,
                  one_cycle)
} | {"plateau": Plateau}


def _since_warmup(at_step: tf.Tensor, span: Span, dtype: str = "float32") -> tf.Tensor:
    return tf.cast(tf.maximum(at_step - span.warmup_steps, 0), dtype)


def _done(at_step: tf.Tensor, span: Span) -> tf.Tensor:
    """float32 scalar in [0, 1], the part of the steps after the warmup that are done."""
    steps = max(span.total_steps - span.warmup_steps, 1)
    return tf.minimum(_since_warmup(at_step, span) / steps, 1.0)


def _half_cosine(done: tf.Tensor) -> tf.Tensor:
    """From 1 at 0 to 0 at 1."""
    return 0.5 * (1.0 + tf.cos(math.pi * done))


def _check_numbers(decay: str, *values: object) -> None:
    for value in values:
        if type(value) not in (int, float):
            raise ValueError(f"{decay}: got the argument {value!r}; expected numbers")


def _check_share(decay: str, name: str, value: float, *, or_zero: bool = False) -> None:
    expected = "a number from 0 to less than 1" if or_zero else "a number in (0, 1)"
    require(0 < value < 1 or (or_zero and value == 0), decay, name, value, expected)
