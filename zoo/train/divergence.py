"""A run whose numbers are no longer finite: nothing more is saved of it, nothing exported."""

from __future__ import annotations

import math
from collections.abc import Iterator

import tensorflow as tf

from zoo.core.state import State

ADVICE = "expected a finite one: try a lower --learning_rate or more --warmup_epochs"


class Diverged(Exception):
    """In one line: what is not finite, since when, what to do."""


def check_loss(loss: float, what: str) -> None:
    """Raises Diverged unless the loss, in nats, is finite. what: "loss within steps 3 to 7"."""
    if not math.isfinite(loss):
        raise Diverged(f"the {what} is {loss}; {ADVICE}")


def check_state(state: State, step: int) -> None:
    """Raises Diverged where a weight, statistic or average is not finite."""
    for path, variable in _variables(state):
        if not tf.reduce_all(tf.math.is_finite(variable.read_value())):
            raise Diverged(f"a value of {path} is not finite at step {step}; {ADVICE}")


def _variables(state: State) -> Iterator[tuple[str, tf.Variable]]:
    for of_a_kind in (state.weights, state.statistics, state.averages):
        yield from of_a_kind.items()
