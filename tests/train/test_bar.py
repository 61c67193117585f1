"""What a run says on the way."""

from __future__ import annotations

import pytest

from zoo.train.bar import Progress


@pytest.mark.parametrize("epochs, wanted", [
    (1, [1]), (8, list(range(1, 9))), (30, [1, 4, 8, 12, 16, 20, 24, 28, 30]),
    (100, [1, 13, 26, 39, 52, 65, 78, 91, 100]),
])
def test_of_quick_evaluations_some_are_said_and_the_last(capsys, epochs, wanted):
    progress = Progress(total_images=10, done_images=0)
    for epoch in range(1, epochs + 1):
        progress.say_evaluation(f"{epoch}", epoch, epochs)
    assert [int(line) for line in capsys.readouterr().out.split()] == wanted


def test_all_are_said_that_are_far_apart(capsys):
    progress = Progress(total_images=10, done_images=0)
    progress.QUICK_SECONDS = 0.0
    for epoch in range(1, 31):
        progress.say_evaluation(f"{epoch}", epoch, 30)
    assert len(capsys.readouterr().out.split()) == 30
