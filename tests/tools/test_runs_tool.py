"""python -m tools.runs, as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.quantities import as_flag, duration, percent, size

ROOT = Path(__file__).parents[2]


def runs(*arguments):
    """In a new process: what it loads is seen there."""
    code = ("import runpy, sys\nsys.argv = ['runs', *sys.argv[1:]]\ntry:\n"
            "    runpy.run_module('tools.runs', run_name='__main__')\nfinally:\n"
            "    print({'tensorflow', 'keras', 'numpy', 'jinja2'} & {*sys.modules})")
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True,
                          text=True, cwd=ROOT, timeout=60)


def test_lists_a_run_and_loads_nothing_heavy(finished_run):
    done = runs(finished_run.parent)
    assert done.returncode == 0, done.stderr
    header, row, loaded = done.stdout.splitlines()
    assert header.split()[:4] == ["RUN", "RECIPE", "DATA", "STATE"] and loaded == "set()"
    assert row.split()[:5] == ["run", "lenet5", "mnist5k", "done", "3/3"]
    assert " %" in row and row.endswith("MB")
    done = runs(finished_run / "export")
    assert done.returncode == 2 and "which holds no run; expected" in done.stderr


@pytest.mark.parametrize("seconds, text", [
    (0, "0.0 s"), (59.9, "59.9 s"), (59.97, "1 min"), (200, "3 min 20 s"), (3599.7, "1 h"),
    (7500, "2 h 5 min"), (86399, "1 d"), (300_000, "3 d 11 h"),
])
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize("num_bytes, text", [
    (0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (2_520_000, "2.52 MB"),
    (999_600, "1 MB"), (151e9, "151 GB"), (4e12, "4000 GB"),
])
def test_size(num_bytes, text):
    assert size(num_bytes) == text


def test_other_texts():
    assert percent(0.98765) == "98.77" and percent(1, 0) == "100"
    assert as_flag((0.08, 1.0)) == "0.08,1" and as_flag(1e-4) == "0.0001" and as_flag("") == ""
