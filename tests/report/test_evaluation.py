"""Figures of evaluations that are at an edge: NaN, one image, all right, many classes, names."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image

from zoo.evaluate import kept
from zoo.evaluate.exact import Predictions
from zoo.report.evaluation import described, figures_of, published
from zoo.report.evaluation_folder import caption, most_surely_wrong, write_evaluation


def predictions_of(logits, labels) -> Predictions:
    logits, labels = np.asarray(logits, np.float32), np.asarray(labels, np.int32)
    usable = ~np.isnan(logits).any(1)
    label_logits = np.take_along_axis(logits, labels[:, None], 1)
    return Predictions(
        labels, np.where(usable, logits.argmax(1), -1),
        np.log(np.exp(logits).sum(1)) - label_logits[:, 0],
        ((logits > label_logits).sum(1) < 5) & usable, logits=logits,
    )


def written(folder, predictions, names):
    images = [f"{label}/{row}.png" for row, label in enumerate(predictions.labels)]
    figures = {"title": "a | title of $", **figures_of(predictions, images)}
    rows = kept.rows_of(predictions, images, names)
    write_evaluation(folder, figures, predictions, rows, tuple(names), None)
    return figures, rows


def test_images_without_an_answer(tmp_path):
    logits = np.array([[5, 0, 0], [0, 5, 0], [np.nan, 0, 0], [4, 0, 0]])
    figures, rows = written(tmp_path, predictions_of(logits, [0, 1, 2, 1]), "abc")
    assert figures["unusable"] == 1 and figures["top_1"] == 0.5 and math.isnan(figures["loss"])
    assert 0 < figures["calibration"]["error"] < 1
    assert "1 images without an answer: NaN among the logits" in described(figures)
    there = json.loads((tmp_path / "figures.json").read_text(), parse_constant=pytest.fail)
    assert there["loss"] is None and there["unusable"] == 1
    told = json.loads((tmp_path / "predictions.json").read_text(), parse_constant=pytest.fail)
    assert told[2]["answer"] is None and told[2]["probability"] is None
    assert most_surely_wrong(rows) == [3] and caption(rows[3]) == "b\n96 %: a"
    again = kept.read(tmp_path)
    assert again.images == kept.kept_of(rows).images and again.correct.tolist() == [1, 1, 0, 0]
    np.testing.assert_array_equal(again.losses, kept.kept_of(rows).losses)


@pytest.mark.parametrize("logits, labels", [([[1, 0]], [0]), ([[np.nan, 0]], [1]), ([[0, 1]], [0])])
def test_one_image(tmp_path, logits, labels):
    figures, _ = written(tmp_path, predictions_of(logits, labels), "ab")
    assert figures["images"] == 1 and figures["temperature"] is None
    assert "too few images for a temperature" in described(figures)[1]
    assert (tmp_path / "report.md").stat().st_size > 500


def test_hundreds_of_classes_with_strange_names(tmp_path):
    """The worst pairs are listed; names are shown as they are and computed by no spreadsheet."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(300), 2)
    logits = rng.normal(0, 1, (600, 300)) + 3 * np.eye(300)[labels]
    logits[labels == 7, 290] += 20
    names = [f"class {label}" for label in range(300)]
    names[7], names[290] = "=1+2", "a|$b$\u202e"
    written(tmp_path, predictions_of(logits, labels), names)
    report = (tmp_path / "report.md").read_text()
    assert r"| 2 | \=1+2 | a\|\$b\$\\u202e |" in report
    pairs = list(csv.DictReader((tmp_path / "confused_pairs.csv").open()))
    assert pairs[0] == {"images": "2", "label": "'=1+2", "answer": "a|$b$\\u202e"}
    assert len(pairs) == 20 and len((tmp_path / "confusion.csv").read_text().splitlines()) == 301
    with Image.open(tmp_path / "confusion.png") as picture:
        red = np.asarray(picture.convert("RGB"), int)
        assert picture.width > 2000
    # The ring of the worst pair is drawn where it is: row 7, column 290 of a matrix on the left.
    ring = np.argwhere((red[..., 0] > 150) & (red[..., 1:] < 80).all(-1))
    assert ring[:, 0].min() < 150 and 0.5 < ring[:, 1].max() / picture.width < 0.7


@pytest.mark.parametrize("top_1, images, verdict", [
    (0.7525, 50_000, True), (0.7495, 50_000, True), (0.7527, 50_000, False),
    (0.7527, 49_999, None), (0.7510, 3, None),
])
def test_verdicts(top_1, images, verdict):
    found = published("imagenet", 75.1, {"top_1": top_1, "images": images})
    assert found["within_0.15_points"] is verdict
    assert found["difference_points"] == pytest.approx(100 * top_1 - 75.1)


def test_other_files_and_other_images(tmp_path):
    predictions = predictions_of([[1, 0], [0, 1], [2, 0]], [0, 1, 1])
    rows = kept.rows_of(predictions, ["a.png", "=b.png", "c.png"], "xy")
    path = tmp_path / "predictions.csv"
    path.write_text(kept.as_csv(rows))
    here = kept.kept_of(rows)
    kept.check_same_images(here, kept.read(path))
    for other, part in (
        (kept.kept_of(rows[:2]), "got 2 images there, 3 here"),
        (kept.kept_of([*rows[:2], {**rows[2], "label": "x"}]), "image 'c.png' of class 'x' there"),
        (kept.kept_of([rows[1], rows[0], rows[2]]), "got image \"'=b.png\" of class 'y' there"),
    ):
        with pytest.raises(ValueError, match="^--compare: ") as told:
            kept.check_same_images(here, other)
        assert part in str(told.value)
    for text in ("a,b\n1,2\n", kept.as_csv(rows).replace(",1,1,", ",yes,1,"), "image\nx\n", "\0"):
        path.write_text(text)
        with pytest.raises(ValueError, match="^--compare: .* is no predictions.csv of an evaluat"):
            kept.read(path)
