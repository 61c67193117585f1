"""What is decided by a run's evaluations."""

from __future__ import annotations

import pytest

from zoo.runs.evaluations import best, stops


def records(*top_1: float, losses: tuple[float, ...] = ()) -> list[dict]:
    losses = losses or (1.0,) * len(top_1)
    return [
        {"epoch": epoch, "top_1": value, "loss": loss}
        for epoch, (value, loss) in enumerate(zip(top_1, losses, strict=True), 1)
    ]


def test_best_is_the_first_of_the_highest():
    assert best(records(0.5, 0.9, 0.8, 0.9))["epoch"] == 2
    assert best(records(0.5, 0.9, 0.8, 0.9, losses=(1, 0.5, 1, 0.4)))["epoch"] == 4


@pytest.mark.parametrize("top_1, patience, stopped", [
    ((), 1, False), ((0.5,), 1, False), ((0.5, 0.6), 1, False), ((0.6, 0.5), 1, True),
    ((0.6, 0.5), 2, False), ((0.6, 0.5, 0.6), 2, True), ((0.6, 0.5, 0.7, 0.6), 2, False),
    ((0.6, 0.5, 0.7, 0.6, 0.6), 2, True),
])
def test_early_stopping(top_1, patience, stopped):
    assert stops(records(*top_1), patience) is stopped
