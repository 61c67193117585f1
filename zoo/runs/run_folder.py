"""A run's folder: what is written there, and how. Knows no Recipe, only its file.

    recipe.json     the recipe
    launches.jsonl  a line each start: command, versions, git commit, devices; of each split how
                    many images, and their digest (zoo/data/contents.py)
    classes.txt     a class name a line, in the order of the labels
    checkpoints/    zoo/runs/checkpoints.py
    metrics.jsonl   a line each evaluation
    model.safetensors                      the trained model: all that a finished run is read for
    predictions.csv                        zoo/evaluate/kept.py: what it answers, each image
    report.html     written at each evaluation, too
    tensorboard/  curves.png  confusion.png  report.md  summary.json  model.keras  export/
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.files import write_text

# What a recipe says, by being silent, that is older than a field.
BEFORE = {"orientation": "ignored"}
# Bytes of a recipe or of all class names: those of a million classes. The folder of somebody else
# may hold anything.
_LONGEST = 2**24
PACKAGES = ("tensorflow", "keras", "numpy", "tensorflow-datasets", "keras-cv")


def read_recipe(run_dir: str | Path) -> dict[str, Any]:
    """The fields of the recipe of a run's folder, as JSON has them.

    Raises:
      ValueError: a folder without one, or a file that is no recipe; in one line.
    """
    path = Path(run_dir) / "recipe.json"
    if not path.is_file():
        raise ValueError(f"{run_dir} holds no recipe.json; expected a run's folder")
    try:
        fields = json.loads(_text_of(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a recipe of this version: {error}") from None
    if not isinstance(fields, dict):
        raise ValueError(f"{path} is not a recipe of this version: got {type(fields).__name__}; "
                         "expected an object")
    return {**BEFORE, **fields}


def read_class_names(run_dir: str | Path) -> tuple[str, ...]:
    """Raises ValueError where the run has not begun."""
    path = Path(run_dir) / "classes.txt"
    if not path.is_file():
        raise ValueError(f"{run_dir} holds no classes.txt; expected a run's folder")
    # Not splitlines(), which ends a line at signs that older versions let into a name.
    return tuple(_text_of(path).removesuffix("\n").split("\n"))


def _text_of(path: Path) -> str:
    """Raises ValueError for a file that is longer than any run's, or no text."""
    if (length := path.stat().st_size) > _LONGEST:
        raise ValueError(f"{path} has {length} bytes; expected at most {_LONGEST}")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text: {error}") from None


def check_classes(run_dir: Path, class_names: tuple[str, ...]) -> None:
    """Raises ValueError where a run to be resumed began with other classes."""
    if not (run_dir / "classes.txt").exists():
        return
    begun = read_class_names(run_dir)
    if begun != class_names:
        raise ValueError(
            f"--data: got {len(class_names)} classes that differ from the {len(begun)} in "
            f"{run_dir / 'classes.txt'}; expected the data that the run began with"
        )


def data_changes(run_dir: Path, contents: Mapping[str, dict]) -> list[str]:
    """How the images differ from those of the run's last start, a line a split; [] where there was
    none, or one by a version that did not note them.

    contents: of `zoo.data.contents_of`.
    """
    launches = read_launches(run_dir)
    before = launches[-1].get("data") if launches else None
    if before is None:
        return []
    changes = []
    for split in sorted({*before, *contents}):
        then, now = ((there.get(split) or {"images": 0}) for there in (before, contents))
        if then["images"] != now["images"]:
            changes.append(f"{split}: {then['images']} images then, {now['images']} now")
        elif then != now:
            changes.append(f"{split}: {now['images']} images as then, of other names, sizes or "
                           "labels")
    return changes


def begin(
    run_dir: Path, recipe: str, class_names: Sequence[str], contents: Mapping[str, dict],
    command: str, devices: list[str],
) -> None:
    """Writes what identifies the run; on a resumed run only the line in launches.jsonl, which
    tells of changed images, too.

    recipe: as JSON. contents: of `zoo.data.contents_of`.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    # First the file that says whose the folder is, so that a kill in between can be resumed.
    if not (run_dir / "recipe.json").exists():
        write_text(run_dir / "recipe.json", recipe)
    write_text(run_dir / "classes.txt", "".join(f"{name}\n" for name in class_names))
    launch = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "folder": os.getcwd(),
        "git_commit": git_commit(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "devices": devices,
        "data": dict(contents),
        "data_changed": data_changes(run_dir, contents),
    }
    lines = [json.dumps(each) + "\n" for each in [*read_launches(run_dir), launch]]
    write_text(run_dir / "launches.jsonl", "".join(lines))


def provenance(run_dir: str | Path) -> dict[str, Any]:
    """What began the run: command, versions and git_commit; nothing where it has not begun.

    Raises:
      ValueError: launches.jsonl does not say it; in one line.
    """
    launches = read_launches(Path(run_dir))
    if not launches:
        return {}
    launch = launches[0]
    return {"command": command_of(launch), "versions": launch["versions"],
            "git_commit": launch["git_commit"]}


def command_of(launch: Mapping[str, Any]) -> str:
    """The command of a start as it can be typed again. launch: a line of launches.jsonl."""
    # Which Python it was on that machine is nobody's business.
    return f"python {launch['command'].partition(' ')[2]}"


def read_launches(run_dir: Path) -> list[dict]:
    """The lines of launches.jsonl; none where the run has not begun.

    Raises:
      ValueError: another line is none; in one line.
    """
    return _read_lines(run_dir / "launches.jsonl", {"command", "versions", "git_commit"})


def _read_lines(path: Path, keys: set[str]) -> list[dict]:
    """The objects of a file of JSON lines; a last line that a kill cut short is left out.

    Raises:
      ValueError: another line is no object with these keys; in one line.
    """
    if not path.exists():
        return []
    try:
        objects = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
        for number, each in enumerate(objects, 1):
            if not isinstance(each, dict) or not keys <= each.keys():
                raise ValueError(f"line {number} lacks {', '.join(sorted(keys))}")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); expected a JSON object a line: put it back "
                         "from a copy, or begin a new run in another folder") from None
    return objects


def append_record(run_dir: Path, record: dict) -> None:
    """Adds a line to metrics.jsonl."""
    with open(run_dir / "metrics.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")


def read_records(run_dir: Path) -> list[dict]:
    """The records of metrics.jsonl; a last line that a kill cut short is left out.

    Raises:
      ValueError: another line is no record; in one line.
    """
    return _read_lines(run_dir / "metrics.jsonl", {"epoch", "step", "loss", "top_1"})


def check_records(run_dir: Path, *, resumed: bool) -> None:
    """Raises ValueError where what a run has noted is damaged, or says that checkpoints have gone.
    """
    provenance(run_dir)
    records = read_records(run_dir)
    # A run may be killed between its first record and its first checkpoint.
    if not resumed and records and records[-1]["epoch"] > 1:
        raise ValueError(
            f"{run_dir} has evaluations up to epoch {records[-1]['epoch']} and no checkpoint; "
            "expected one: put it back from a copy, or begin a new run in another folder"
        )


def keep_records(run_dir: Path, until_step: int) -> None:
    """Drops the records of steps after the checkpoint: a resumed run writes them again."""
    kept = [record for record in read_records(run_dir) if record["step"] <= until_step]
    write_text(run_dir / "metrics.jsonl", "".join(json.dumps(record) + "\n" for record in kept))


def read_summary(run_dir: Path) -> dict[str, Any]:
    """The figures of a finished run; empty where there are none, or they are damaged: they are
    written once more."""
    path = run_dir / "summary.json"
    try:
        return json.loads(path.read_bytes()) if path.exists() else {}
    except ValueError:
        return {}


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


def unused(folder: Path) -> Path:
    """`folder`, or where it exists the first of FOLDER-2, FOLDER-3, ... that does not.

    Raises:
      ValueError: a thousand of them exist.
    """
    # Two runs started within a second must not share a folder.
    for count in range(1, 1000):
        candidate = folder if count == 1 else folder.with_name(f"{folder.name}-{count}")
        if not candidate.exists():
            return candidate
    raise ValueError(f"--run_dir: {folder} and 999 folders like it exist; expected --run_dir=NEW")
