"""Folders of pictures: names, sheets of many images, projections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import zoo
from zoo.explain.folder import picture_names, write_deconvnet, write_lesson, write_maps


def test_no_picture_is_written_over_another():
    paths = [Path(name) for name in ("a/3.png", "a/3-2.png", "b/3.jpg", "sheet.png", "c/3")]
    assert picture_names(paths) == ["3", "3-2", "3-3", "sheet-2", "3-4"]


def test_a_hundred_images_are_in_a_sheet(tmp_path):
    greys = [np.full((4, 4, 1), 100, "uint8")] * 101
    write_lesson(tmp_path, greys, [str(n) for n in range(101)], "mean", padding="same", stride=1)
    assert len([*tmp_path.iterdir()]) == 102
    size = Image.open(tmp_path / "sheet.png").size
    assert 0.5 < size[0] / size[1] < 2


def test_maps_and_projections_of_digits(digits, tmp_path):
    model = zoo.create_model("lenet", weights="mnist")
    images = zoo.preprocess_input(digits[0][:18], model)  # more than one batch
    levels = np.repeat(digits[0][:18], 3, -1)
    names = [str(n) for n in range(18)]
    write_maps(tmp_path, "occlusion", model, images, levels, names, chosen=3, layer=None)
    assert {path.stem for path in tmp_path.iterdir()} == {*names, "sheet"}
    for channels, rows in (([3, 5], 2), ([], 4)):
        write_deconvnet(tmp_path, model, images, levels, "stage2_act", channels)
        drawn = Image.open(tmp_path / "deconvnet.png")
        assert drawn.size == (9 * 76 + 4, rows * (18 + 2 * 76 + 4))
