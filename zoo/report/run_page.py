"""report.html of a run."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from zoo.evaluate.per_class import confused_pairs
from zoo.report.chart import Chart, Line, Panel, chart
from zoo.report.page import render
from zoo.report.plots import MOST_WRITTEN
from zoo.report.run_facts import RunFacts
from zoo.report.thumbnails import data_address
from zoo.runs import evaluations, run_folder

_MOST_PAIRS, _MOST_CLASSES = 10, 10
# What `RunFacts.seconds` counts, in the page's words.
_TIMES = {
    "first_steps": "beginning of a phase: pipeline, tracing, compiling, its first step",
    "steps": "training steps, waiting for images included",
    "evaluation": "evaluations",
    "checkpoints": "checkpoints",
    "report": "this page",
}
# Names of more signs are turned, where they stand above a column.
_LONGEST_UPRIGHT = 3


def as_html(facts: RunFacts, confusion_picture: bytes | None = None) -> str:
    """One file that needs no other, and no network.

    confusion_picture: a PNG, for more classes than a table holds; without it their matrix is left
    out.
    """
    recipe, model, data = facts.title
    names, last = facts.class_names, facts.records[-1]
    tabled = len(names) <= MOST_WRITTEN
    drawn = charts(facts.records)
    seconds = {**facts.seconds, "": last["seconds"] - sum(facts.seconds.values())}
    return render(
        "run.html.j2", facts=facts, recipe=recipe, model=model, data=data, names=names, last=last,
        written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        best=evaluations.best(facts.records), charts=drawn,
        smoothed=any(line.smooth for own in drawn for line in own.lines),
        shares=_shares(facts.confusion) if tabled else None, counts=facts.confusion.tolist(),
        turned=max(map(len, names)) > _LONGEST_UPRIGHT,
        confusion_picture=confusion_picture and data_address(confusion_picture, "image/png"),
        pairs=confused_pairs(facts.confusion, _MOST_PAIRS), least_found=_least_found(facts),
        examples_shown=len({own.lines for own in facts.pictures.examples}),
        times=[(_TIMES.get(what, "the rest"), own, max(0.0, own) / last["seconds"])
               for what, own in seconds.items()],
        folder=facts.launches[-1].get("folder", "") if facts.launches else "",
        environment=_environment(facts), newline=Markup("\n"),
    )


def charts(records: Sequence[dict]) -> list[Chart]:
    """Of loss, top-1 and learning rate, from the records of metrics.jsonl."""
    epochs = [record["epoch"] for record in records]

    def lines(key: str, scale: float) -> list[Line]:
        kinds = [("training", f"train_{key}", 1), ("validation", key, 2)]
        if f"raw_{key}" in records[-1]:
            kinds.append(("validation, not averaged", f"raw_{key}", 3))
        return [
            Line(label, epochs, [scale * record.get(name, np.nan) for record in records], colour)
            for label, name, colour in kinds
        ]

    rate = [record["learning_rate"] for record in records]
    panels = [
        Panel("Loss", "nats", lines("loss", 1), may_be_log=True),
        Panel("Top-1 accuracy", "%", lines("top_1", 100)),
        Panel("Learning rate", "", [Line("at the end of the epoch", epochs, rate, 1, smooth=False)],
              may_be_log=True),
    ]
    return list(map(chart, panels))


def _shares(confusion: np.ndarray) -> list[list[float]]:
    return (confusion / np.maximum(confusion.sum(1, keepdims=True), 1)).tolist()


def _least_found(facts: RunFacts) -> list[dict]:
    """The classes of the lowest recall, among those with images."""
    right = np.diag(facts.confusion)
    images, answers = facts.confusion.sum(1), facts.confusion.sum(0)
    recall = right / np.maximum(images, 1)
    worst = [place for place in np.argsort(recall, kind="stable") if images[place]]
    return [
        {"name": facts.class_names[place], "recall": float(recall[place]),
         "images": int(images[place]),
         "precision": float(right[place] / answers[place]) if answers[place] else None}
        for place in worst[:_MOST_CLASSES]
    ]


def _environment(facts: RunFacts) -> list[tuple[str, str]]:
    if not facts.launches:
        return []
    first = facts.launches[0]
    rows = [
        ("begun", first.get("time", "")), ("command", run_folder.command_of(first)),
        ("git commit", first["git_commit"] or "unknown"),
        ("Python", first.get("python", "")), ("machine", first.get("machine", "")),
        ("devices", ", ".join(first.get("devices", ()))),
        *first["versions"].items(),
    ]
    return [(what, value) for what, value in rows if value]
