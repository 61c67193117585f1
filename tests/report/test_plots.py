"""The pictures of the report: nothing is cut off, and each curve can be seen."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from a_run import confusion_of, records
from PIL import Image

from zoo.report.plots import draw_confusion, draw_curves


def pixels(path) -> np.ndarray:
    """uint8 [H, W, 3]; its edge is white: no title, name or bar goes beyond the picture."""
    with Image.open(path) as image:
        array = np.asarray(image.convert("RGB"))
    for edge in (array[0], array[-1], array[:, 0], array[:, -1]):
        assert edge.min() == 255
    return array


def coloured(array: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.argwhere((np.abs(array.astype(int) - colour) < 40).all(-1))


@pytest.mark.parametrize("epochs", [1, 3, 30, 300])
def test_curves(tmp_path, epochs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_curves(records(epochs), tmp_path / "curves.png")
    array = pixels(tmp_path / "curves.png")
    third = array.shape[1] // 3
    for panel in range(3):  # each has the first curve, above the legend
        part = array[: int(0.8 * len(array)), panel * third : (panel + 1) * third]
        assert len(coloured(part, (31, 119, 180))) >= 5


def test_a_rate_a_tenth_as_large_is_seen_to_move(tmp_path):
    """On a linear axis the fine-tuning's second phase is a line along the bottom."""
    draw_curves(records(30), tmp_path / "curves.png")
    array = pixels(tmp_path / "curves.png")
    found = coloured(array[: int(0.8 * len(array)), 2 * array.shape[1] // 3 :], (31, 119, 180))
    rows = [np.median(found[found[:, 1] == column, 0]) for column in np.unique(found[:, 1])]
    middle = rows[len(rows) // 2 : -len(rows) // 8]
    assert max(middle) - min(middle) > 0.1 * len(array)


@pytest.mark.parametrize("count", [2, 10, 100, 1000])
def test_confusion(tmp_path, count):
    names = ("a", "Cheeseburger, hamburger and other dishes of bread with meat",
             *(f"class {number}" for number in range(2, count)))
    draw_confusion(confusion_of(count), names, tmp_path / "confusion.png")
    dark = coloured(pixels(tmp_path / "confusion.png"), (20, 80, 150))
    assert len(dark) >= count  # the diagonal, and no line of it is lost


def test_a_class_without_images_divides_by_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_confusion(np.array([[3, 0], [0, 0]]), ("a", "b"), tmp_path / "confusion.png")
    assert pixels(tmp_path / "confusion.png").shape[2] == 3
