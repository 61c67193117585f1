"""The runs under a folder: recipe, state, epochs, best validation accuracy, age, size.

    python -m tools.runs
    python -m tools.runs FOLDER

Without FOLDER: those under runs/. A run is running, stopped (the same command with its --run_dir
goes on) or done.
"""

import datetime

from zoo.cli import run_tool
from zoo.given_path import as_path
from zoo.listings import print_table
from zoo.printable import visible
from zoo.quantities import duration, percent, size
from zoo.runs.listing import Listed, runs_under


def main(folders: list[str]) -> None:
    if len(folders) > 1:
        raise ValueError(f"got {len(folders)} folders; expected one")
    folder = as_path(folders[0] if folders else "runs")
    found = runs_under(folder)
    if not found:
        raise ValueError(f"got {folder}, which holds no run; expected a folder that does")
    now = datetime.datetime.now(datetime.UTC)
    rows = [("RUN", "RECIPE", "DATA", "STATE", "EPOCH", "BEST TOP-1", "AGE", "SIZE")]
    print_table(rows + [tuple(map(visible, _row(run, folder, now))) for run in found])


def _row(run: Listed, folder, now: datetime.datetime) -> tuple[str, ...]:
    name = run.folder.relative_to(folder)
    return (
        str(name) if name.parts else str(folder), run.recipe, run.data, run.state,
        f"{run.epoch}/{run.epochs}", "" if run.top_1 is None else f"{percent(run.top_1)} %",
        "" if run.begun is None else duration((now - run.begun).total_seconds()),
        size(run.num_bytes),
    )


if __name__ == "__main__":
    run_tool(main, __doc__, takes_files=True)
