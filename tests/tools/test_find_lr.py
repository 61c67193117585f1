"""python -m tools.find_lr, as a user calls it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def find(folder, *flags: str, python=("-m", "tools.find_lr")) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *python, *flags], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_digits(tmp_path):
    done = find(
        tmp_path, "--recipe=lenet5", "--batch_size=32", "--base_batch_size=32", "--augment=",
        "--low=1e-3", "--high=100", "--steps=60", "--out=test.png",
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.csv", "test.png"]
    with open(tmp_path / "test.csv") as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    assert len(rows) < 60  # it ends where the loss is bad
    rates = np.array([row["learning_rate"] for row in rows])
    np.testing.assert_allclose(rates, np.geomspace(1e-3, 100, 60)[: len(rows)], rtol=1e-5)
    lowest = min(rows, key=lambda row: row["smoothed_loss"])["learning_rate"]
    built, steps, steepest, tenth, files = done.stdout.splitlines()
    assert built == "building lenet5" and steps.startswith(f"{len(rows)} steps")
    assert tenth.startswith(f"--learning_rate={lowest / 10:.2g} ")
    assert 1e-3 < float(steepest.split()[0].partition("=")[2]) <= lowest
    assert files == "test.png, test.csv"
    with Image.open(tmp_path / "test.png") as picture:
        assert picture.size == (800, 450)


@pytest.mark.parametrize(("flags", "message"), [
    (("--recipe=lenet", "--out=x.jpg"), "--out: got x.jpg; expected a name that ends in .png"),
    (("--recipe=lenet", "--low=2", "--high=1"), "--low: got 2 with --high=1; expected a rate"),
])
def test_wrong_flags_end_in_one_line(tmp_path, flags, message):
    done = find(tmp_path, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}") and done.stderr.count("\n") == 1


def test_help_loads_no_tensorflow(tmp_path):
    code = (
        "import runpy, sys\n"
        "try: runpy.run_module('tools.find_lr', run_name='__main__', alter_sys=True)\n"
        "finally: print({'tensorflow', 'keras', 'numpy'} & set(sys.modules))"
    )
    done = find(tmp_path, "--help", python=("-c", code))
    assert done.returncode == 0 and "--steps: from one to the other" in done.stdout
    assert done.stdout.endswith("\nset()\n")
