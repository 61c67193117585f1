"""The runs under a folder, from what they have written. Loads no TensorFlow."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from zoo.natural_order import natural_key
from zoo.runs import evaluations, run_folder
from zoo.runs.claim import is_claimed


class Listed(NamedTuple):
    """A run.

    state: "running", "stopped" or "done", or what is wrong with its files. epoch, epochs: come to,
    of all. top_1: of its best validation, 0..1; None before the first. begun: None where it is not
    said. num_bytes: of all its files.
    """

    folder: Path
    recipe: str
    data: str
    state: str
    epoch: int
    epochs: int
    top_1: float | None
    begun: datetime.datetime | None
    num_bytes: int


def runs_under(folder: str | Path) -> list[Listed]:
    """All runs in `folder` and the folders under it, the first begun first; none within a run.

    Raises ValueError where `folder` is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"got {folder}, which is no folder; expected one that holds runs")
    runs = [_listed(path) for path in _run_folders(folder)]
    return sorted(runs, key=lambda run: (
        run.begun.timestamp() if run.begun else 0.0, natural_key(str(run.folder))
    ))


def _run_folders(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        if "recipe.json" in files:
            folders.clear()
            yield Path(place)
        folders[:] = [name for name in folders if not name.startswith(".")]


def _listed(folder: Path) -> Listed:
    size = _num_bytes(folder)
    try:
        recipe = run_folder.read_recipe(folder)
        records = run_folder.read_records(folder)
        launches = run_folder.read_launches(folder)
        begun = launches[0].get("time") if launches else None
        begun = begun and datetime.datetime.fromisoformat(begun)
    except ValueError as error:  # of one run: the others are listed all the same
        return Listed(folder, "", "", f"damaged: {error}", 0, 0, None, None, size)
    return Listed(
        folder, str(recipe.get("name", "")), str(recipe.get("data", "")), _state(folder),
        records[-1]["epoch"] if records else 0, recipe.get("epochs", 0),
        evaluations.best(records)["top_1"] if records else None,
        begun, size,
    )


def _num_bytes(folder: Path) -> int:
    found = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # a run that goes on replaces checkpoints
                found += os.lstat(os.path.join(place, name)).st_size
    return found


def _state(folder: Path) -> str:
    if run_folder.read_summary(folder):  # the last file of a run
        return "done"
    return "running" if is_claimed(folder) else "stopped"
