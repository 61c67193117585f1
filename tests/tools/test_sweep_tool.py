"""python -m tools.sweep, as a user calls it, on digits: killed, gone on with, pruned."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def command(out, *arguments):
    return [sys.executable, "-m", "tools.sweep", "--recipe=mlp", f"--out={out}", *arguments]


def launches(folder):
    return len((folder / "launches.jsonl").read_text().splitlines())


def test_a_sweep_killed_and_gone_on_with(tmp_path):
    out = tmp_path / "sweep"
    # The second rate is too low to learn anything.
    words = command(out, "--space=learning_rate=choice(0.06, 1e-9)", "--sampler=grid",
                    "--pruner=halving", "--epochs=30", "--batch_size=200")
    killed = subprocess.Popen(words, cwd=ROOT)
    ends = time.monotonic() + 300
    while not (out / "trial-0001" / "launches.jsonl").exists():
        assert killed.poll() is None and time.monotonic() < ends
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    assert not (out / "sweep.md").exists()

    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert launches(out / "trial-0000") == 1 and launches(out / "trial-0001") == 2
    with open(out / "sweep.csv") as file:
        good, bad = csv.DictReader(file)
    assert (good["trial"], good["state"], good["learning_rate"]) == ("0", "complete", "0.06")
    assert (bad["trial"], bad["state"], bad["epochs"]) == ("1", "pruned", "1")
    summary = json.loads((out / "trial-0000" / "summary.json").read_text())
    assert float(good["top_1"]) == summary["validation"]["top_1"] > 0.5 > float(bad["top_1"])
    assert "saved_model" not in summary and not (out / "trial-0001" / "summary.json").exists()
    assert "stopped by SIGTERM" in (out / "trial-0001.log").read_text()
    assert "-m recipes.mlp --batch_size=200 --epochs=30 --learning_rate=0.06" in done.stdout
    for name in ("history.png", "values.png"):
        assert len(np.unique(np.asarray(Image.open(out / name).convert("RGB")))) > 20

    again = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == 0 and again.stdout == (out / "sweep.md").read_text() + "\n"


GOOD = "--space=learning_rate=log(0.01, 1)"


@pytest.mark.parametrize(("arguments", "message"), [
    (["--space=lerning_rate=log(1, 2)"], "--space: lerning_rate: expected a field of the recipe"),
    (["--space=seed=int(1, 3)", "--sampler=grid", "--trials=2"], "--trials: got 2 with"),
    ([GOOD, "--run_dir=x"], "--run_dir: got x; expected none"),
    ([GOOD, "--recipe=mpl"], "got the recipe 'mpl'; expected one of "),
    ([GOOD, "--lerning_rate=1"], "Unknown command line flag 'lerning_rate'"),
    ([GOOD, "--pruner=medium"], "got pruner 'medium'; expected one of"),
])
def test_errors_are_one_line_before_tensorflow_loads(arguments, message, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    done = subprocess.run(
        command(tmp_path / "out", *arguments), cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
