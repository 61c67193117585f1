"""The folder of an evaluation: figures, every prediction, tables and pictures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL.Image import Image

from zoo.data.contact_sheet import sheet_of
from zoo.data.folder import new_folder
from zoo.data.splits import Split
from zoo.evaluate import kept
from zoo.evaluate.calibration import confidence_at, first_half, reliability
from zoo.evaluate.exact import Predictions
from zoo.evaluate.per_class import PerClass, confused_pairs, per_class
from zoo.printable import csv_cell, markdown, visible
from zoo.report import plots
from zoo.report.evaluation import described
from zoo.report.reliability_plot import draw_reliability

MOST_PAIRS = 20
_MOST_CLASSES = 20  # in the report, those of the least F1; per_class.csv has all


def write_new_folder(
    out: str, figures: dict, predictions: Predictions, rows: Sequence[dict],
    class_names: tuple[str, ...], split: Split, channels: int,
) -> None:
    """`write_evaluation` into the new or empty folder `out`, whole or not at all, with the contact
    sheet of `split`, whose images have 1 or 3 `channels`.

    Raises ValueError for another folder.
    """
    wrong = most_surely_wrong(rows)
    with new_folder(out) as folder:
        sheet = sheet_of(split, wrong, [caption(rows[row]) for row in wrong], channels)
        write_evaluation(folder, figures, predictions, rows, class_names, sheet)


def write_evaluation(
    folder: str | Path, figures: dict, predictions: Predictions, rows: Sequence[dict],
    class_names: tuple[str, ...], sheet: Image | None,
) -> None:
    """Writes figures.json, predictions.csv and .json, per_class.csv, confusion.csv and .png,
    confused_pairs.csv, reliability.png, wrong.png and report.md into a folder that is there.

    figures: of `figures_of`, with "title", and what else is to be kept. predictions: with logits.
    rows: of `kept.rows_of`. class_names: of the columns of the logits. sheet: the images that are
    most surely wrong; None where none is.
    """
    folder = Path(folder)
    confusion = predictions.confusion(len(class_names))
    pairs = confused_pairs(confusion, MOST_PAIRS)
    by_class = per_class(predictions.labels, predictions.predicted, len(class_names))
    cells = list(map(csv_cell, class_names))
    texts = {
        "figures.json": json.dumps(kept.finite(figures), indent=2) + "\n",
        kept.NAME: kept.as_csv(rows),
        "predictions.json": kept.as_json(rows),
        "per_class.csv": _csv(["class", *PerClass._fields], zip(cells, *by_class, strict=True)),
        "confusion.csv": _csv(["label", *cells], (
            [cell, *row] for cell, row in zip(cells, confusion, strict=True)
        )),
        "confused_pairs.csv": _csv(["images", "label", "answer"], (
            [count, cells[label], cells[answer]] for count, label, answer in pairs
        )),
        "report.md": _report(figures, by_class, pairs, class_names, sheet is not None),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    plots.draw_confusion(
        confusion, class_names, folder / "confusion.png", title=figures["title"], pairs=pairs
    )
    _draw_reliability(figures, predictions, rows, folder / "reliability.png")
    if sheet is not None:
        sheet.save(folder / "wrong.png")


def most_surely_wrong(rows: Sequence[dict], most: int = 24) -> list[int]:
    """Places in `rows` of the wrong answers of the highest probability, the highest first."""
    wrong = [place for place, row in enumerate(rows)
             if not row["correct"] and row["answer"] is not None]
    return sorted(wrong, key=lambda place: -rows[place]["probability"])[:most]


def least_surely_right(rows: Sequence[dict], most: int = 24) -> list[int]:
    """Places in `rows` of the right answers of the lowest probability, the lowest first."""
    right = [place for place, row in enumerate(rows) if row["correct"]]
    return sorted(right, key=lambda place: rows[place]["probability"])[:most]


def caption(row: dict) -> str:
    """Of an image in the contact sheet: its class, and below the answer with its probability."""
    return (f"{visible(row['label'])}\n{100 * row['probability']:.0f} %: "
            f"{visible(row['answer'])}")


def _draw_reliability(
    figures: dict, predictions: Predictions, rows: Sequence[dict], path: Path
) -> None:
    usable = predictions.predicted >= 0
    if not usable.any():
        return
    correct = predictions.predicted == predictions.labels
    scaled = None
    if (found := figures["temperature"]) is not None:
        told = usable & ~first_half([row["image"] for row in rows])
        confidence = confidence_at(predictions.logits[told], found["temperature"])
        scaled = found["temperature"], reliability(confidence, correct[told])
    confidence = confidence_at(predictions.logits[usable])
    draw_reliability(reliability(confidence, correct[usable]), path, scaled=scaled)


def _csv(header: Sequence[str], rows: Iterable[Sequence]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([f"{own:.6g}" if isinstance(own, np.floating) else own for own in row])
    return text.getvalue()


def _report(
    figures: dict, by_class: PerClass, pairs: Sequence[tuple[int, int, int]],
    class_names: Sequence[str], has_wrong: bool,
) -> str:
    lines = [
        f"# {markdown(figures['title'])}", "",
        *(f"- {markdown(line)}" for line in described(figures)), "",
        "![Confusion matrix](confusion.png)", "",
        "| images | class | taken for |", "| --- | --- | --- |",
        *(f"| {count} | {markdown(class_names[label])} | {markdown(class_names[answer])} |"
          for count, label, answer in pairs), "",
        *_classes(by_class, class_names), "",
        f"The expected calibration error is the mean, over images, of the difference between "
        f"accuracy and mean confidence in the image's bin: {figures['calibration']['bins']} bins "
        "of one width of the answer's probability. The temperature is fitted on a half of the "
        "images that a hash of their names chooses, and told on the other.", "",
        "![Reliability diagram](reliability.png)", "",
    ]
    if has_wrong:
        lines += ["The answers that are most surely wrong:", "",
                  "![Images with wrong answers of a high probability](wrong.png)", ""]
    return "\n".join(lines)


def _classes(by_class: PerClass, class_names: Sequence[str]) -> list[str]:
    """A table of the classes that have images, the worst first."""
    worst = np.argsort(by_class.f1, kind="stable")  # NaN are the last
    worst = [place for place in worst if by_class.support[place]][:_MOST_CLASSES]
    return [
        "| class | precision, % | recall, % | F1, % | images |", "| --- | --- | --- | --- | --- |",
        *(f"| {markdown(class_names[place])} | {100 * by_class.precision[place]:.1f} | "
          f"{100 * by_class.recall[place]:.1f} | {100 * by_class.f1[place]:.1f} | "
          f"{by_class.support[place]} |" for place in worst), "",
        f"Of the {int(np.sum(by_class.support > 0))} classes with images these {len(worst)} have "
        "the least F1; [per_class.csv](per_class.csv) has all.",
    ]
