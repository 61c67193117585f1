"""Several runs beside each other: in what they differ, and whether it was luck. Loads no
TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zoo.evaluate import kept
from zoo.evaluate.comparing import compare
from zoo.quantities import as_flag, duration, percent
from zoo.report.chart import Line, Panel
from zoo.runs import evaluations, run_folder

MOST_RUNS = 8  # that have a colour each
_GIVEN = "RUN"
_UNKNOWN = "–"


class ComparedRun(NamedTuple):
    """name: the shortest that tells it from the others. recipe, records, launches, summary: what
    zoo/runs/run_folder.py reads. predictions: None where the run keeps none."""

    name: str
    folder: Path
    recipe: dict[str, Any]
    records: list[dict]
    launches: list[dict]
    summary: dict[str, Any]
    predictions: kept.Kept | None


class Section(NamedTuple):
    """rows: (what, a text a run)."""

    title: str
    rows: Sequence[tuple[str, Sequence[str]]]


class Against(NamedTuple):
    """Of a run against the first one. told: what is found, or why nothing can be."""

    name: str
    told: str


def read_runs(folders: Sequence[str | Path]) -> list[ComparedRun]:
    """Raises ValueError, in one line, for too few or too many of them, or one that is no run's or
    has no evaluation yet."""
    paths = list(map(Path, folders))
    if not 2 <= len({path.resolve() for path in paths}) == len(paths) <= MOST_RUNS:
        raise ValueError(f"got {len(paths)} runs; expected 2 to {MOST_RUNS} different ones")
    runs = []
    for name, path in zip(_names(paths), paths, strict=True):
        recipe, records = run_folder.read_recipe(path), run_folder.read_records(path)
        if not records:
            raise ValueError(f"{path} has no evaluation yet; expected a run with one")
        has_predictions = (path / kept.NAME).exists()
        runs.append(ComparedRun(
            name, path, recipe, records, run_folder.read_launches(path),
            run_folder.read_summary(path), kept.read(path, _GIVEN) if has_predictions else None,
        ))
    return runs


def panels(runs: Sequence[ComparedRun]) -> list[Panel]:
    """Loss, top-1 and learning rate, a colour a run, training dashed."""
    def lines(key: str, scale: float = 1.0) -> list[Line]:
        return [
            Line(f"{run.name}{', training' * dashed}",
                 [record["epoch"] for record in run.records],
                 [scale * record.get(f"train_{key}" if dashed else key, float("nan"))
                  for record in run.records], colour, dashed)
            for colour, run in enumerate(runs, start=1) for dashed in (False, True)
        ]

    rates = [line._replace(smooth=False) for line in lines("learning_rate") if not line.dashed]
    return [
        Panel("Loss", "nats", lines("loss"), True),
        Panel("Top-1 accuracy", "%", lines("top_1", 100)),
        Panel("Learning rate", "", rates, True),
    ]


def sections(runs: Sequence[ComparedRun]) -> list[Section]:
    """Results of all; of recipe, data and code what differs."""
    results = [(what, list(map(value, runs))) for what, value in _RESULTS.items()]
    return [
        Section("Result", [row for row in results if {*row[1]} != {_UNKNOWN}]),
        Section("Recipe", _differing([
            {name: as_flag(value) for name, value in run.recipe.items() if name != "run_dir"}
            for run in runs
        ])),
        Section("Data", _differing([_data(run) for run in runs])),
        Section("Code", _differing([_code(run) for run in runs])),
    ]


def against_first(runs: Sequence[ComparedRun]) -> list[Against]:
    """McNemar's, of each run against the first, on the validation images of both."""
    first, *others = runs
    return [Against(run.name, _told(first, run)) for run in others]


def _told(first: ComparedRun, run: ComparedRun) -> str:
    here, there = run.predictions, first.predictions
    if here is None or there is None:
        return (f"{(run if here is None else first).name} has no {kept.NAME}: a run that has ended "
                "has")
    if (here.images, here.labels) != (there.images, there.labels):
        return "not the same validation images"
    found = compare(here.correct, there.correct)
    low, high = found.interval
    return (
        f"top-1 {100 * found.difference:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f}); "
        f"right alone: {found.only_first} images, {first.name} {found.only_second}; "
        f"McNemar's p {found.p:.3g}"
    )


def _names(paths: Sequence[Path]) -> list[str]:
    """Of as few folders from the end on as tell all apart."""
    parts = [path.resolve().parts for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-count:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    raise ValueError(f"got {paths[0]} twice")


def _differing(runs: Sequence[dict[str, str]]) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for run in runs for name in run)
    rows = [(name, [run.get(name, "not said") or "none" for run in runs]) for name in names]
    return [row for row in rows if len(set(row[1])) > 1]


def _data(run: ComparedRun) -> dict[str, str]:
    """Of its last start."""
    found = {}
    for split, own in (run.launches[-1].get("data", {}) if run.launches else {}).items():
        found |= {f"{split}: {what}": str(value)[:16] for what, value in own.items()}
    return found


def _code(run: ComparedRun) -> dict[str, str]:
    """Of its first start."""
    if not run.launches:
        return {}
    launch = run.launches[0]
    return {
        "git commit": launch["git_commit"], **launch["versions"],
        **{what: str(launch.get(what, "")) for what in ("python", "machine")},
        "devices": ", ".join(launch.get("devices", ())),
    }


def _of_split(split: str) -> Callable[[ComparedRun], str]:
    def told(run: ComparedRun) -> str:
        found = run.summary.get(split)
        return f"{percent(found['top_1'])} %" if found else _UNKNOWN
    return told


def _best(run: ComparedRun) -> str:
    best = evaluations.best(run.records)
    return f"{percent(best['top_1'])} %, epoch {best['epoch']}"


def _speed(run: ComparedRun) -> str:
    last = run.records[-1]
    if not last.get("timed_images"):
        return _UNKNOWN
    return f"{last['timed_images'] / last['times']['steps']:.0f}"


_RESULTS: dict[str, Callable[[ComparedRun], str]] = {
    "epochs": lambda run: f"{run.records[-1]['epoch']} of {run.recipe.get('epochs', '?')}",
    "validation top-1, what it leaves": _of_split("validation"),
    "test top-1": _of_split("test"),
    "best validation top-1": _best,
    "last validation top-1": lambda run: f"{percent(run.records[-1]['top_1'])} %",
    "last validation loss": lambda run: f"{run.records[-1]['loss']:.4f}",
    "parameters": lambda run: str(run.summary.get("parameters", _UNKNOWN)),
    "time": lambda run: duration(run.records[-1].get("seconds", 0.0)),
    "training images/s": _speed,
}
