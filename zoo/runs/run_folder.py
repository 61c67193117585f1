"""A run's folder: whose it is, what is written there and how.

    recipe.json     the recipe
    launches.jsonl  a line each start: command, versions, git commit, devices
    classes.txt     a class name a line, in the order of the labels
    checkpoints/    tf.train.CheckpointManager's
    metrics.jsonl   a line each evaluation
    tensorboard/  curves.png  confusion.png  report.md  summary.json  model.keras  export/
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

from zoo.recipe import Recipe
from zoo.recipe.file import read_recipe

PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "keras-cv")


def choose(recipe: Recipe) -> Path:
    """The run's folder: a new one, or that of a run of the same recipe, to be resumed.

    Raises ValueError, in one line, for a folder that holds something else: another recipe's run,
    or files that are not a run's. Nothing is written.
    """
    if not recipe.run_dir:
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        return _unused(Path("runs") / f"{recipe.name}-{now}")
    folder = Path(recipe.run_dir)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"--run_dir: {folder} is a file; expected a folder")
    # Hidden files: what a run that was killed within its first moments may have left aside.
    if not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir()):
        return folder
    begun = read_recipe(folder)
    if different := recipe.difference(begun, only_result=True):
        changes = "; ".join(
            f"{name} is {here!r} now, {there!r} there" for name, (here, there) in different.items()
        )
        raise ValueError(
            f"--run_dir: {folder} holds the run of another recipe ({changes}); expected a new "
            "folder, or the same values to resume it"
        )
    return folder


def check_classes(folder: Path, class_names: tuple[str, ...]) -> None:
    """Raises ValueError where a run to be resumed began with other classes."""
    path = folder / "classes.txt"
    if path.exists() and (begun := tuple(path.read_text().splitlines())) != class_names:
        raise ValueError(
            f"--data: got {len(class_names)} classes that differ from the {len(begun)} in {path}; "
            "expected the data that the run began with"
        )


def begin(
    folder: Path, recipe: Recipe, class_names: tuple[str, ...], command: str,
    devices: list[str],
) -> None:
    """Writes what identifies the run; on a resumed run only the line in launches.jsonl."""
    folder.mkdir(parents=True, exist_ok=True)
    # First the file that says whose the folder is, so that a kill in between can be resumed.
    if not (folder / "recipe.json").exists():
        write_text(folder / "recipe.json", recipe.to_json())
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in class_names))
    launch = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "folder": os.getcwd(),
        "git_commit": git_commit(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "devices": devices,
    }
    with open(folder / "launches.jsonl", "a") as file:
        file.write(json.dumps(launch) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes the whole file or nothing: aside first, then renamed."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text)
    os.replace(aside, path)


def append_record(folder: Path, record: dict) -> None:
    """Adds a line to metrics.jsonl."""
    with open(folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")


def read_records(folder: Path) -> list[dict]:
    """The records of metrics.jsonl; a last line that a kill cut short is left out."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def keep_records(folder: Path, until_step: int) -> None:
    """Drops the records of steps after the checkpoint: a resumed run writes them again."""
    kept = [record for record in read_records(folder) if record["step"] <= until_step]
    write_text(folder / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in kept))


def git_commit() -> str:
    """The commit of the code that runs, with + where files differ from it; "" outside git."""
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *words],
            capture_output=True, text=True, check=True,
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _unused(folder: Path) -> Path:
    # Two runs started within a second must not share a folder.
    for count in range(1, 1000):
        candidate = folder if count == 1 else folder.with_name(f"{folder.name}-{count}")
        if not candidate.exists():
            return candidate
    raise ValueError(f"--run_dir: {folder} and 999 folders like it exist; expected --run_dir=NEW")
