"""python -m tools.compare_runs, as a user calls it."""

from __future__ import annotations

import shutil

from launch import run_module


def test_a_run_with_its_copy(finished_run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished_run, copy, ignore=shutil.ignore_patterns("*.keras", "export", "ckpt*"))
    out = tmp_path / "compared"
    done = run_module("tools.compare_runs", finished_run, copy, f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert "# run and copy" in done.stdout and done.stdout.count("No difference.") == 3
    assert "top-1 +0.00 points (+0.00 to +0.00); right alone: 0 images, run 0; McNemar's p 1" in (
        done.stdout)
    assert {path.name for path in out.iterdir()} == {
        "comparison.html", "comparison.md", "curves.png"}
    done = run_module("tools.compare_runs", finished_run, copy, f"--out={out}")
    assert done.returncode == 2 and "--out" in done.stderr
