"""What a run's folder says of the run."""

from __future__ import annotations

from pathlib import Path

from zoo.runs import run_folder


def test_class_names_are_read_as_they_are_written(tmp_path: Path):
    """Also those of older versions, which let all signs in but a line feed."""
    names = ("cat", " dog ", "a\u2028b", "c\x85d", "e\x0cf", "g\rh")
    run_folder.begin(tmp_path, "{}", names, {}, "python -m recipes.x", [])
    assert run_folder.read_class_names(tmp_path) == names
    run_folder.check_classes(tmp_path, names)
