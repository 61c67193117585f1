"""Every prediction of an evaluation as CSV and JSON, and read again to compare two models."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.lazy import lazy_module
from zoo.printable import csv_cell

if TYPE_CHECKING:
    from zoo.evaluate.exact import Predictions

# SciPy and TensorFlow, which a run without logits and what reads predictions do without.
calibration = lazy_module("zoo.evaluate.calibration")
label_sets = lazy_module("zoo.evaluate.label_sets")

# The name of the file in an evaluation's folder.
NAME = "predictions.csv"
_TOP = 5
_COLUMNS = (
    "image", "label", "answer", "correct", "in_top_5", "probability", "label_probability", "loss",
)


@dataclass(frozen=True)
class Kept:
    """What a predictions.csv says. images, labels: the names there [N]; correct: bool [N];
    losses: float [N], nats."""

    images: tuple[str, ...]
    labels: tuple[str, ...]
    correct: np.ndarray
    losses: np.ndarray


def rows_of(
    predictions: Predictions, images: Sequence[str], class_names: Sequence[str]
) -> list[dict]:
    """A dict an image: those of `_COLUMNS`, and "top_5": (class name, probability), the likeliest
    first; none of these where the predictions have no logits, but probabilities.

    "answer" is None and the probabilities are NaN where the logits hold a NaN. Probabilities in
    0..1, losses in nats.
    """
    if predictions.logits is not None:
        return _rows_with_logits(predictions, images, class_names)
    columns = (predictions.probabilities, np.exp(-predictions.losses), [[]] * len(images))
    return _rows(predictions, images, class_names, *columns)


def _rows_with_logits(
    predictions: Predictions, images: Sequence[str], class_names: Sequence[str]
) -> list[dict]:
    best = label_sets.top_classes(predictions.logits, _TOP)
    of_answers, of_labels, top_5 = [], [], []
    for place in range(len(images)):
        probabilities = np.exp(
            calibration.log_probabilities(predictions.logits[place : place + 1])[0]
        )
        answer = predictions.predicted[place]
        of_answers.append(probabilities[answer] if answer >= 0 else np.nan)
        of_labels.append(probabilities[predictions.labels[place]])
        top_5.append([(class_names[own], float(probabilities[own])) for own in best[place]])
    return _rows(predictions, images, class_names, of_answers, of_labels, top_5)


def _rows(
    predictions: Predictions, images: Sequence[str], class_names: Sequence[str],
    of_answers: Sequence[float], of_labels: Sequence[float], top_5: Sequence[list],
) -> list[dict]:
    rows = []
    for place, image in enumerate(images):
        label, answer = int(predictions.labels[place]), int(predictions.predicted[place])
        rows.append({
            "image": image,
            "label": class_names[label],
            "answer": class_names[answer] if answer >= 0 else None,
            "correct": label == answer,
            "in_top_5": bool(predictions.in_top_5[place]),
            "probability": float(of_answers[place]) if answer >= 0 else float("nan"),
            "label_probability": float(of_labels[place]),
            "loss": float(predictions.losses[place]),
            "top_5": top_5[place],
        })
    return rows


def as_csv(rows: Sequence[dict]) -> str:
    """A line an image; names are fit for a spreadsheet, see zoo/printable.py.

    `_COLUMNS`, and where there are logits the classes of the top 5 with their probabilities.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ranks = range(1, min(_TOP, len(rows[0]["top_5"])) + 1)
    writer.writerow([
        *_COLUMNS, *(f"{what}_{rank}" for rank in ranks for what in ("class", "probability"))
    ])
    for row in rows:
        writer.writerow([
            csv_cell(row["image"]), csv_cell(row["label"]),
            "" if row["answer"] is None else csv_cell(row["answer"]),
            int(row["correct"]), int(row["in_top_5"]),
            *(f"{row[name]:.9g}" for name in _COLUMNS[5:]),
            *(cell for name, share in row["top_5"] for cell in (csv_cell(name), f"{share:.9g}")),
        ])
    return text.getvalue()


def as_json(rows: Sequence[dict]) -> str:
    """A list of objects, one a line; what is not a number is null."""
    lines = [json.dumps(finite({**row, "top_5": [
        {"class": name, "probability": share} for name, share in row["top_5"]
    ]})) for row in rows]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def finite(value: object) -> object:
    """`value` for JSON, which has no NaN and no infinity: they become None."""
    if isinstance(value, dict):
        return {name: finite(own) for name, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(own) for own in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def read(path: str | Path, given: str = "--compare") -> Kept:
    """Reads what `as_csv` wrote, or a folder that has it as predictions.csv.

    given: as what, for the message.

    Raises:
      ValueError: another file; in one line.
    """
    path = Path(path)
    path = path / NAME if path.is_dir() else path
    if not path.is_file():
        raise ValueError(f"{given}: no file {path}; expected the {NAME} of a run, or of an "
                         "evaluation with --out=DIR")
    with path.open(encoding="utf-8", newline="") as file:
        try:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
            if missing := {"image", "label", "correct", "loss"} - {*(reader.fieldnames or ())}:
                raise ValueError(f"it has no column {min(missing)!r}")
            return Kept(
                tuple(row["image"] for row in rows), tuple(row["label"] for row in rows),
                np.array([{"0": False, "1": True}[row["correct"]] for row in rows], bool),
                np.array([row["loss"] for row in rows], float),
            )
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise ValueError(f"{given}: {path} is no {NAME} of an evaluation: "
                             f"{type(error).__name__} {error}") from None


def check_same_images(here: Kept, there: Kept) -> None:
    """Raises ValueError, in one line, unless both are of the same images with the same labels."""
    if len(here.images) != len(there.images):
        raise ValueError(f"--compare: got {len(there.images)} images there, {len(here.images)} "
                         "here; expected the same images")
    for mine, theirs in zip(zip(here.images, here.labels, strict=True),
                            zip(there.images, there.labels, strict=True), strict=True):
        if mine != theirs:
            raise ValueError(
                f"--compare: got image {theirs[0]!r} of class {theirs[1]!r} there, {mine[0]!r} of "
                f"{mine[1]!r} here; expected the same images in the same order"
            )


def kept_of(rows: Sequence[dict]) -> Kept:
    """As `read` finds them in the file that `as_csv` makes of `rows`."""
    return Kept(
        tuple(csv_cell(row["image"]) for row in rows),
        tuple(csv_cell(row["label"]) for row in rows),
        np.array([row["correct"] for row in rows], bool),
        np.array([float(f"{row['loss']:.9g}") for row in rows]),
    )
