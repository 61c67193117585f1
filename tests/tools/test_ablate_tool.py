"""python -m tools.ablate, as a user calls it, on digits."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The baseline is what the session's finished run was trained with.
TRICKS = """
[baseline]
--flagfile=recipes/flags/quickstart.flags
--keep=last
--epochs=3

[one epoch]
--epochs=1
"""


def ablate(folder, *arguments, text=TRICKS, **environment):
    (folder / "some.tricks").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "tools.ablate", "--recipe=lenet5",
         f"--tricks={folder / 'some.tricks'}", f"--out={folder / 'out'}", *arguments],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | environment,
    )


def test_runs_what_is_not_finished_and_tells_what_it_is_worth(finished_run, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished_run, out / "baseline" / "seed-0")
    done = ablate(tmp_path, "--seeds=1")
    assert done.returncode == 0, done.stderr
    folders = (out / "baseline" / "seed-0", out / "cumulative-01-one-epoch" / "seed-0")
    launches = [(folder / "launches.jsonl").read_text() for folder in folders]
    assert [len(text.splitlines()) for text in launches] == [1, 1]
    top_1 = [
        json.loads((folder / "summary.json").read_text())["validation"]["top_1"]
        for folder in folders
    ]
    assert 0.5 < top_1[1] < top_1[0]
    with open(out / "ablation.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["top_1"]) for row in rows] == pytest.approx([100 * each for each in top_1])
    assert float(rows[1]["difference"]) == pytest.approx(100 * (top_1[1] - top_1[0]))
    assert rows[1]["p_value"] == rows[1]["deviation"] == ""  # one seed says nothing of noise
    text = (out / "ablation.md").read_text()
    assert text in done.stdout and "| + one epoch |" in text and "1000 validation images" in text

    again = ablate(tmp_path, "--seeds=1")
    assert again.returncode == 0 and again.stdout == f"{text}\n"


@pytest.mark.parametrize(("arguments", "text", "message"), [
    (["--epochs=2"], TRICKS, "--tricks: [one epoch]: sets --epochs to 1, the command line to 2"),
    ([], TRICKS.replace("=1", "=3"), "--tricks: [one epoch] changes nothing on [baseline]"),
    ([], TRICKS.replace("--epochs=1", "--epocs=1"), "--tricks: [one epoch]: Unknown command line"),
    (["--tricks=nowhere"], TRICKS, "--tricks: got 'nowhere': No such file or directory"),
])
def test_errors_are_one_line_before_tensorflow_loads(arguments, text, message, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    done = ablate(tmp_path, *arguments, text=text, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
