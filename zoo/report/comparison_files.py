"""A comparison of runs as Markdown and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.files import write_text
from zoo.printable import markdown
from zoo.report.chart import chart
from zoo.report.comparison import ComparedRun, against_first, panels, sections
from zoo.report.page import render
from zoo.report.plots import draw_panels


def as_markdown(runs: Sequence[ComparedRun], picture: str = "") -> str:
    """picture: the name of the file with the curves."""
    lines = [f"# {' and '.join(markdown(run.name) for run in runs)}", ""]
    if picture:
        lines += [f"![Loss, accuracy and learning rate by epoch]({picture})", ""]
    for title, rows in sections(runs):
        lines += [f"## {title}", ""]
        if not rows:
            lines += ["No difference.", ""]
            continue
        lines += [
            f"| | {' | '.join(markdown(run.name) for run in runs)} |",
            f"| --- |{' --- |' * len(runs)}",
            *(f"| {markdown(what)} | {' | '.join(map(markdown, values))} |"
              for what, values in rows), "",
        ]
    lines += [f"## Against {markdown(runs[0].name)}", ""]
    lines += [f"- {markdown(name)}: {markdown(told)}" for name, told in against_first(runs)]
    return "\n".join([*lines, "", "In brackets: 95 % intervals of the difference.", ""])


def as_html(runs: Sequence[ComparedRun]) -> str:
    """One file that needs no other, and no network."""
    charts = list(map(chart, panels(runs)))
    return render(
        "comparison.html.j2", runs=runs, charts=charts, sections=sections(runs),
        tests=against_first(runs),
        smoothed=any(line.smooth for own in charts for line in own.lines),
    )


def write_comparison(folder: str | Path, runs: Sequence[ComparedRun]) -> None:
    """Writes comparison.md, its curves.png and comparison.html into a folder that is there."""
    folder = Path(folder)
    draw_panels(panels(runs), folder / "curves.png")
    write_text(folder / "comparison.md", as_markdown(runs, "curves.png"))
    write_text(folder / "comparison.html", as_html(runs))
