"""What a sweep leaves: sweep.md and sweep.csv, all trials, best first; history.png, values.png."""

from __future__ import annotations

import csv
import io
import itertools
import math
import shlex
import string
import textwrap
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from zoo.files import write_text
from zoo.printable import csv_cell, markdown
from zoo.report.plots import write_figure
from zoo.tuning.space import Choice, Parameter, Range
from zoo.tuning.study import Study

ORDER = ("complete", "pruned", "fail", "running", "waiting")
# On an axis of errors, %: top-1 of 98 and 99 % lie as far from each other as 80 and 90 %, and a
# trial that learnt nothing does not press all others into a line.
LEAST_ERROR = 0.01
# Longer choices than this are lettered, and told below the axis.
LONGEST_TICK = 12
MARKS = {"complete": ("o", "tab:blue"), "pruned": ("x", "tab:orange")}


def rows(study: Study) -> list[dict]:
    """A dict a proposal, best first: trial, state, top_1 (0..1 or None), epochs, values, reason.

    top_1 is the objective; of a pruned trial that of the epochs it had.
    """
    found = []
    for index, attempts in study.attempts().items():
        trial = attempts[-1]
        found.append({
            "trial": index, "state": trial.state.name.lower(), "top_1": trial.value,
            "epochs": max(trial.intermediate_values, default=0), **study.values(trial),
            "reason": trial.user_attrs.get("reason", ""),
        })
    return sorted(found, key=lambda row: (
        ORDER.index(row["state"]), -(-1 if row["top_1"] is None else row["top_1"]), row["trial"]
    ))


def write_report(study: Study, out: Path, command: Callable[[dict], list[str]]) -> bool:
    """Returns whether there is a trial that came to its end.

    command: from the values of a trial to what trains with them.
    """
    found = rows(study)
    if not found:
        return False
    text = io.StringIO()
    writer = csv.DictWriter(text, found[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "reason": csv_cell(row["reason"])} for row in found)
    write_text(out / "sweep.csv", text.getvalue())
    write_text(out / "sweep.md", table(found, list(study.space), command))
    shown = [row for row in found if row["top_1"] is not None]
    if shown:
        draw_history(shown, out / "history.png")
        draw_values(shown, study.space, out / "values.png")
    return found[0]["state"] == "complete"


def table(found: list[dict], fields: list[str], command: Callable[[dict], list[str]]) -> str:
    """The trials as Markdown, and how to train as the best one does."""
    counts = ", ".join(
        f"{count} {state}" for state in ORDER
        if (count := sum(row["state"] == state for row in found))
    )
    lines = [
        f"# Sweep of {len(found)} trials: {counts}", "",
        "Top-1 on the validation images. That of the best trial was picked for being the highest, "
        "so it flatters: measure it again on test images or with other seeds.", "",
        f"| trial | state | top-1, % | epochs | {' | '.join(fields)} | |",
        "| --- | --- | --- | --- |" + " --- |" * (len(fields) + 1),
    ]
    for row in found:
        top_1 = "" if row["top_1"] is None else f"{100 * row['top_1']:.2f}"
        values = " | ".join(_in_a_cell(_shown(row[name])) for name in fields)
        reason = markdown(row["reason"])
        lines.append(
            f"| {row['trial']} | {row['state']} | {top_1} | {row['epochs']} | {values} | {reason} |"
        )
    if found[0]["state"] == "complete":
        best = shlex.join(command({name: found[0][name] for name in fields}))
        lines += ["", "The best:", "", "```sh", best, "```"]
    return "\n".join(lines) + "\n"


def draw_history(found: list[dict], path: Path) -> None:
    """The error of each trial in the order of their proposal, and the best so far, as a PNG."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    _scatter(axes, found, [row["trial"] for row in found])
    complete = sorted(
        (row for row in found if row["state"] == "complete"), key=lambda row: row["trial"]
    )
    best = list(itertools.accumulate((_error(row) for row in complete), min))
    axes.step([row["trial"] for row in complete], best, where="post", color="tab:green",
              label="best so far")
    axes.set_xlabel("trial")
    _label_errors(axes)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    write_figure(figure, path)


def draw_values(found: list[dict], space: dict[str, Parameter], path: Path) -> None:
    """Errors against the values of each field, as a PNG."""
    columns = min(3, len(space))
    lines = math.ceil(len(space) / columns)
    figure = Figure(figsize=(4.5 * columns, 3.6 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True).flat
    for axes, (name, parameter) in itertools.zip_longest(grid, space.items(), fillvalue=("", None)):
        if parameter is None:
            axes.set_axis_off()
            continue
        values = [row[name] for row in found]
        axes.set_xlabel(name)
        if isinstance(parameter, Choice):
            values = [parameter.values.index(value) for value in values]
            _label_choices(axes, name, list(map(_shown, parameter.values)))
        elif isinstance(parameter, Range) and parameter.log:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        _scatter(axes, found, values)
    _label_errors(figure.axes[0])
    figure.axes[0].legend()
    write_figure(figure, path)


def _scatter(axes: Axes, found: list[dict], places: list) -> None:
    for state, (mark, colour) in MARKS.items():
        points = [
            (place, _error(row)) for place, row in zip(places, found, strict=True)
            if row["state"] == state
        ]
        if points:
            axes.scatter(*zip(*points, strict=True), marker=mark, color=colour, label=state)
    axes.grid(alpha=0.3)


def _error(row: dict) -> float:
    """%, of the top-1."""
    return max(LEAST_ERROR, 100 * (1 - row["top_1"]))


def _label_errors(axes: Axes) -> None:
    """Upwards is better."""
    axes.set(yscale="log", ylabel="error, validation, %")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_inverted(True)


def _label_choices(axes: Axes, name: str, texts: list[str]) -> None:
    letters = string.ascii_uppercase[: len(texts)]
    if max(map(len, texts)) > LONGEST_TICK and len(letters) == len(texts):
        lines = (f"{letter}: {text}" for letter, text in zip(letters, texts, strict=True))
        axes.set_xlabel("\n".join([name, *(textwrap.shorten(line, 60) for line in lines)]))
        texts = list(letters)
    axes.set_xticks(range(len(texts)), texts)


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")
