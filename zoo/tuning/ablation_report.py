"""The table of an ablation: mean and deviation of each row, whether its gain is over the noise."""

from __future__ import annotations

import csv
import io
import math
import statistics
from dataclasses import dataclass
from pathlib import Path

from scipy import special

from zoo.files import write_text
from zoo.printable import csv_cell, markdown
from zoo.tuning.ablation import TrickRow, read_top_1

LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """Difference of two means, its 95 % interval, and Welch's p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def compare(values: list[float], others: list[float]) -> Comparison | None:
    """Welch's t-test (1947), which lets the two deviations differ, of `values` against `others`.

    None where it says nothing: fewer than two values in either, or none that differ at all.
    """
    if min(len(values), len(others)) < 2:
        return None
    parts = [statistics.variance(each) / len(each) for each in (values, others)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return None
    freedom = error ** 4 / sum(
        part ** 2 / (len(each) - 1) for part, each in zip(parts, (values, others), strict=True)
    )
    difference = statistics.fmean(values) - statistics.fmean(others)
    half = special.stdtrit(freedom, 1 - LEVEL / 2) * error
    return Comparison(
        difference, low=difference - half, high=difference + half,
        p_value=float(2 * special.stdtr(freedom, -abs(difference) / error)),
    )


def summarise(rows: list[TrickRow]) -> list[dict]:
    """A dict a row, numbers in %; None where runs are too few to say."""
    found = []
    for row in rows:
        values = [100 * value for value in row.top_1.values()]
        others = [100 * value for value in row.compared.top_1.values()] if row.compared else []
        comparison = compare(values, others)
        found.append({
            "trick": row.name,
            "top_1": statistics.fmean(values) if values else None,
            "deviation": statistics.stdev(values) if len(values) > 1 else None,
            "difference": statistics.fmean(values) - statistics.fmean(others)
            if values and others else None,
            "low": comparison and comparison.low, "high": comparison and comparison.high,
            "p_value": comparison and comparison.p_value,
            "over_noise": comparison and comparison.p_value < LEVEL,
            "n": len(values), "failed": len(row.failures),
            "values": " ".join(f"{value:g}" for value in values),
        })
    return found


def write_report(rows: list[TrickRow], out: Path, mode: str) -> str:
    """Writes ablation.csv and ablation.md into `out`; returns the text of the latter."""
    found = summarise(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, found[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "trick": csv_cell(row["trick"])} for row in found)
    write_text(out / "ablation.csv", text.getvalue())
    shown = table(rows, found, mode)
    write_text(out / "ablation.md", shown)
    return shown


def table(rows: list[TrickRow], found: list[dict], mode: str) -> str:
    plus, above = ("+ ", "the row above") if mode == "cumulative" else ("", "the baseline")
    lines = [
        f"| trick | top-1, % | deviation | to {above} | 95 % interval | p | over the noise? | n |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for number, row in enumerate(found):
        name = markdown(row["trick"])
        interval = "" if row["low"] is None else f"{row['low']:+.2f} to {row['high']:+.2f}"
        verdict = {None: "", True: "yes", False: "no"}[row["over_noise"]]
        failed = f", {row['failed']} failed" if row["failed"] else ""
        lines.append(
            f"| {plus if number else ''}{name} | {_shown(row['top_1'], '.2f')} | "
            f"{_shown(row['deviation'], '.2f')} | {_shown(row['difference'], '+.2f')} | "
            f"{interval} | {_shown(row['p_value'], '.2g')} | {verdict} | {row['n']}{failed} |"
        )
    failures = [
        f"- {markdown(row.name)}, seed {seed}: {markdown(reason)}"
        for row in rows for seed, reason in row.failures.items()
    ]
    return "\n".join([
        *lines, "", caption(rows, sum(row["over_noise"] is not None for row in found)),
        *(["", "Failed:", "", *failures] if failures else []), "",
    ])


def caption(rows: list[TrickRow], comparisons: int) -> str:
    splits = {
        read_top_1(row.folder / f"seed-{seed}")[::2] for row in rows for seed in row.top_1
    }
    measured = " or ".join(f"{images} {split} images" for split, images in sorted(splits))
    text = (
        f"Top-1 on {measured or 'no images yet'}: mean and standard deviation over n seeds, after "
        "the last epoch. Interval and p by Welch's t-test; over the noise: p < 0.05."
    )
    if comparisons > 1:
        text += (
            f" Were all {comparisons} tricks worth nothing, one or more would still pass with a "
            f"chance of about {100 * (1 - (1 - LEVEL) ** comparisons):.0f} %."
        )
    return text + " The noise is that of the seeds: other images would add to it."


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
