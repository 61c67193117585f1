"""What a model says of image files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from zoo.data import image_files
from zoo.data.image_files import LeftOut
from zoo.data.image_format import READ
from zoo.given_path import matching
from zoo.printable import csv_cell
from zoo.weights import decode_predictions, preprocess_input

_MOST_BYTES = 1 << 30  # of an image file
# (class index, class name, probability), the likeliest first.
TopClasses = list[tuple[int, str, float]]


def find_images(patterns: Sequence[str]) -> tuple[list[Path], tuple[LeftOut, ...]]:
    """Files, the image files in and under folders, and what shell patterns match, in this order.

    What a folder's files hold decides; what is no image there is left out, by reason. Of a file
    that is named itself, or by a pattern, `predict_files` says what is wrong.

    Raises:
      ValueError: a pattern, file or folder that gives none.
    """
    found: dict[Path, None] = {}
    left_out: list[LeftOut] = []
    for pattern in patterns:
        paths, left_out_there = _images_in(matching(pattern))
        if not paths:
            told = f" ({image_files.describe(left_out_there)})" if left_out_there else ""
            raise ValueError(
                f"got {pattern!r}, where there is no image{told}; expected image files, folders of "
                f"them ({', '.join(READ)}), or patterns such as 'photos/*.jpg'"
            )
        found.update(dict.fromkeys(paths))
        left_out += left_out_there
    return list(found), image_files.merge(left_out)


def predict_files(
    model: keras.Model, paths: Sequence[Path], *, batch_size: int = 32, top: int = 5
) -> Iterator[tuple[Path, TopClasses | str]]:
    """For each file its predictions, or what is wrong with it.

    model: of `zoo.create_model` with trained weights, whose output are logits.
    top: predictions a file, at most as many as there are classes.
    """
    num_classes = model.output.shape[-1]
    names = model.class_names or [f"class {index}" for index in range(num_classes)]
    top = min(top, num_classes)
    for start in range(0, len(paths), batch_size):
        some = paths[start : start + batch_size]
        images = [_prepared(path, model) for path in some]
        good = [image for image in images if not isinstance(image, str)]
        answers = iter(())
        if good:
            logits = model.predict_on_batch(np.concatenate(good))
            probabilities = np.asarray(keras.ops.softmax(keras.ops.cast(logits, "float32")))
            answers = iter(decode_predictions(probabilities, top, names))
        for path, image in zip(some, images, strict=True):
            yield path, image if isinstance(image, str) else next(answers)


def as_csv(answers: Sequence[tuple[Path, TopClasses]]) -> str:
    """A line a prediction: file, rank (from 1), class_id, class_name, probability.

    Names are fit for a spreadsheet, see zoo/printable.py; `as_json` has them as they are.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "rank", "class_id", "class_name", "probability"])
    for path, predictions in answers:
        for rank, (class_id, name, probability) in enumerate(predictions, 1):
            writer.writerow([
                csv_cell(path), rank, csv_cell(class_id), csv_cell(name), f"{probability:.6f}"
            ])
    return text.getvalue()


def as_json(answers: Sequence[tuple[Path, TopClasses]]) -> str:
    """A list of {"file", "predictions": [{"class_id", "class_name", "probability"}, ...]}."""
    keys = ("class_id", "class_name", "probability")
    return json.dumps([
        {"file": str(path), "predictions": [dict(zip(keys, x, strict=True)) for x in predictions]}
        for path, predictions in answers
    ], indent=1) + "\n"


def _images_in(names: Sequence[str]) -> tuple[list[Path], list[LeftOut]]:
    paths, left_out = [], []
    for name in names:
        images = [name]
        if Path(name).is_dir():
            images, left_out_there = image_files.find_images(name)
            left_out += left_out_there
        paths += map(Path, images)
    return paths, left_out


def _prepared(path: Path, model: keras.Model) -> np.ndarray | str:
    """float32 [1, S, S, C], or what is wrong. Each file by itself: no two large ones at once."""
    if path.exists() and not path.is_file():
        return "cannot be read as an image: no regular file"  # a pipe would never end
    if path.exists() and path.stat().st_size > _MOST_BYTES:
        return f"cannot be read as an image: over {_MOST_BYTES >> 20} MiB"
    try:
        return preprocess_input(path.read_bytes(), model)
    except (OSError, ValueError) as error:
        return f"cannot be read as an image: {error}"
