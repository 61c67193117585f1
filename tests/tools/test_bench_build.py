"""python -m tools.bench.build, as a user calls it."""

from __future__ import annotations

import functools
import re

from launch import run_module

bench = functools.partial(run_module, "tools.bench.build")


def test_a_row_a_model():
    done = bench("--models=lenet*", "--repeats=2")
    assert done.returncode == 0, done.stderr
    head, _, *rows = done.stdout.splitlines()
    assert head == "| model | layers | million parameters | seconds |"
    figures = [re.fullmatch(r"(\| .* \|) (\S+) \((\S+)-(\S+)\) \|", row).groups() for row in rows]
    # 61,706 and 320,682 parameters.
    assert [row for row, *_ in figures] == ["| lenet | 11 | 0.32 |", "| lenet5 | 13 | 0.06 |"]
    for _, *seconds in figures:
        median, least, most = map(float, seconds)
        assert 0 < least <= median <= most < 60


def test_errors_are_one_line():
    for argument, message in (
        ("--models=nothing*", "--models: got nothing*; expected a pattern of zoo.list_models()"),
        ("--repeats=0", "flag --repeats=0: 0 is not a positive integer"),
    ):
        done = bench(argument)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {message}"), done.stderr
        assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
