"""python -m tools.check_start, as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def check(folder, *flags: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tools.check_start", *flags], cwd=folder, capture_output=True,
        text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_a_recipe_that_can_start(tmp_path):
    flags = tmp_path / "small.flags"
    flags.write_text("--batch_size=32\n--steps=100\n")
    done = check(tmp_path, "--base_batch_size", "32", "--recipe", "lenet5", f"--flagfile={flags}")
    assert done.returncode == 0, done.stdout + done.stderr
    built, *verdicts = done.stdout.splitlines()
    assert built == "building lenet5"
    assert [line[:7] for line in verdicts] == ["ok     "] * 3
    assert "for 10 classes: 2.303" in verdicts[0]
    assert "top-1 100.0 %" in verdicts[1] and "of 100 steps" in verdicts[1]
    assert list(tmp_path.iterdir()) == [flags]  # nothing is written


@pytest.mark.parametrize(("flags", "message"), [
    (("--recipe=lenet9",), "got the recipe 'lenet9'; expected one of alexnet, "),
    (("--recipe=lenet", "--low=1"), "Unknown command line flag 'low'"),
    (("--recipe=lenet", "--epochs=0"), "--epochs: got 0; expected 1 or more"),
])
def test_wrong_flags_end_in_one_line(tmp_path, flags, message):
    done = check(tmp_path, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}") and done.stderr.count("\n") == 1
