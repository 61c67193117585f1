"""The runs under a folder: what each has come to, from its files alone."""

from __future__ import annotations

import json
import os

import pytest

from zoo.runs import run_folder
from zoo.runs.claim import claimed, is_claimed
from zoo.runs.listing import runs_under


def begin(folder, top_1=()):
    recipe = json.dumps({"name": folder.name, "data": "mnist5k", "epochs": 3})
    run_folder.begin(folder, recipe, ["a", "b"], {}, "python -m recipes.x", [])
    for epoch, own in enumerate(top_1, start=1):
        run_folder.append_record(
            folder, {"epoch": epoch, "step": 9 * epoch, "loss": 1.0, "top_1": own}
        )


def test_states_and_figures(tmp_path):
    begin(tmp_path / "new")
    begin(tmp_path / "sweep/run2", [0.5, 0.75, 0.25])
    begin(tmp_path / "sweep/run10", [0.5])
    begin(tmp_path / "sweep/run2/copy")  # within a run: its own business
    (tmp_path / "sweep/run2/summary.json").write_text("{\"recipe\": \"x\"}")
    begin(tmp_path / "broken")
    (tmp_path / "broken/metrics.jsonl").write_text("{}\n")
    (tmp_path / "no run").mkdir()
    with claimed(tmp_path / "sweep/run10"):
        found = {str(run.folder.relative_to(tmp_path)): run for run in runs_under(tmp_path)}
    assert {name: run.state.split(":")[0] for name, run in found.items()} == {
        "new": "stopped", "sweep/run2": "done", "sweep/run10": "running", "broken": "damaged",
    }
    assert list(found).index("sweep/run2") < list(found).index("sweep/run10")
    assert "metrics.jsonl is damaged" in found["broken"].state
    run = found["sweep/run2"]
    assert (run.recipe, run.data, run.epoch, run.epochs, run.top_1) == (
        "run2", "mnist5k", 3, 3, 0.75)
    assert run.num_bytes == sum(
        path.stat().st_size for path in (tmp_path / "sweep/run2").rglob("*") if path.is_file()
    )
    assert found["new"].top_1 is None and found["new"].begun.year >= 2024
    assert [run.folder for run in runs_under(tmp_path / "new")] == [tmp_path / "new"]
    with pytest.raises(ValueError, match="which is no folder; expected one that holds runs"):
        runs_under(tmp_path / "nothing")


def test_looking_is_no_claim(tmp_path):
    run = tmp_path / "run"
    assert not is_claimed(run)
    with claimed(run):
        before = os.stat(run / ".lock").st_mtime_ns
        assert is_claimed(run) and is_claimed(run)
        assert os.stat(run / ".lock").st_mtime_ns == before
    run.mkdir()
    (run / ".lock").write_text("process 1 on x, killed")
    assert not is_claimed(run)
    with claimed(run):
        assert is_claimed(run)
