"""What a run says on the way."""

from __future__ import annotations

import io
import sys
import time

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


def test_a_slow_machine_prints_no_more_lines(capsys, monkeypatch):
    """Of 30 evaluations 8 seconds apart, as of the quickstart beside other load: its 25 lines have
    16 others."""
    progress = Progress(total_images=10, done_images=0)
    clock = iter(range(0, 240, 8))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    for epoch in range(1, 31):
        progress.say_evaluation(f"{epoch}", epoch, 30)
    assert len(capsys.readouterr().out.split()) == 9


def test_all_are_said_that_are_far_apart(capsys):
    progress = Progress(total_images=10, done_images=0)
    progress.QUICK_SECONDS = 0.0
    for epoch in range(1, 31):
        progress.say_evaluation(f"{epoch}", epoch, 30)
    assert len(capsys.readouterr().out.split()) == 30


NOW = {"loss": 1.0, "top_1": 0.5, "learning_rate": 0.1}


def test_the_first_step_is_told_apart_in_one_line(capsys):
    progress = Progress(total_images=10, done_images=0)
    progress.say_compiling(7.4)
    assert capsys.readouterr().out == "compiling, about 7 s ... "
    progress.say_compiled(6.25)
    assert capsys.readouterr().out == "the first step took 6.2 s\n"
    progress.say_compiling(7.4)
    progress.say("error: cannot go on")
    assert capsys.readouterr().out == "compiling, about 7 s ... \nerror: cannot go on\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_sign_moves_on_a_terminal_while_the_first_step_compiles(monkeypatch, capsys):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    progress = Progress(total_images=10, done_images=0)
    progress.say_compiling(7.4)
    until = time.monotonic() + 20
    while "compiling, about 7 s - " not in screen.getvalue() and time.monotonic() < until:
        time.sleep(0.05)
    assert "compiling, about 7 s | 0 s" in screen.getvalue()
    assert "compiling, about 7 s - " in screen.getvalue()
    progress.say_compiled(6.25)
    progress.advance(5, 1, NOW)
    progress.close()
    assert "the first step took 6.2 s, with compiling" in capsys.readouterr().out
    assert "compiling" not in screen.getvalue().rpartition("\r")[2]
