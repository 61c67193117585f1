"""Averages of the weights along a run, often better than the last ones, as a part of the step.

Each takes its arguments as the recipe has them, lengths in epochs, and returns what makes the
average over a run of a given length. Batch-norm's moving statistics are averaged with the weights.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import tensorflow as tf

from zoo.core.decay import Span
from zoo.spec import bind, parse_call

Tensors = Mapping[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Average:
    """update: (averages so far, values after a step, number of that step int64 from 0) -> averages.

    statistics_from: after so many steps the moving statistics do not do, and an evaluation takes
    others (swa_statistics.py); None: never.
    """

    update: Callable[[Tensors, Tensors, tf.Tensor], dict[str, tf.Tensor]]
    statistics_from: int | None = None


def ema(decay: float = 0.9999) -> Callable[[Span], Average]:
    """average = d average + (1 - d) value (Polyak and Juditsky 1992), with
    d = min(decay, (1 + t) / (10 + t)) for the t-th step: the first weights are soon forgotten."""
    _check("decay", decay, 0 < decay < 1, "a number in (0, 1)")

    def update(averages: Tensors, values: Tensors, at_step: tf.Tensor) -> dict[str, tf.Tensor]:
        t = tf.cast(at_step + 1, tf.float32)
        d = tf.minimum(decay, (1.0 + t) / (10.0 + t))
        return {path: old + (1 - d) * (values[path] - old) for path, old in averages.items()}

    return lambda span: Average(update)


def swa(start: float, every: float = 1.0) -> Callable[[Span], Average]:
    """The plain mean of the weights after epoch `start` and each `every` epochs from there on:
    stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407). Before: the weights.

    For cyclic or constant rates. An evaluation first takes batch-norm's statistics from a pass over
    the training images, as the paper.
    """
    _check("start", start, 0 < start < math.inf, "epochs over 0")
    _check("every", every, 0 < every < math.inf, "epochs over 0")

    def over(span: Span) -> Average:
        first, period = (round(epochs * span.steps_per_epoch) for epochs in (start, every))
        _check("start", start, 0 < first <= span.total_steps, "an epoch within the run")
        _check("every", every, period >= 1, "a step's length or more")

        def update(averages: Tensors, values: Tensors, at_step: tf.Tensor):
            since = at_step + 1 - first
            count = tf.cast(tf.maximum(since, 0) // period, tf.float32)
            share = tf.where(since < 0, 1.0, tf.where(since % period == 0, 1 / (count + 1), 0.0))
            return {
                path: (1 - share) * old + share * values[path] for path, old in averages.items()
            }

        # The first mean is of one value.
        return Average(update, statistics_from=first + period)

    return over


AVERAGES = {average.__name__: average for average in (ema, swa)}


def make_average(spec: str, span: Span) -> Average | None:
    """The average that `spec` names, as "ema(0.999)" or "swa(75, every=1)"; None for "".

    Raises ValueError, in one line, for an unknown name or arguments that cannot be.
    """
    return bind(parse_call(spec), AVERAGES, "--averaging")(span) if spec else None


def _check(name: str, value: float, good: bool, expected: str) -> None:
    if type(value) not in (int, float) or not good:
        raise ValueError(f"--averaging: got {name}={value!r}; expected {expected}")
