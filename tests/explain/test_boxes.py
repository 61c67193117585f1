"""EfficientNet-Lite0's Grad-CAM on ten labelled photographs: where the object is.

foolbox ships them, with the number of their class in the file's name; the boxes were drawn by hand
round the objects, in the 224 pixels that the network sees.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.explain import grad_cam

# imagenet_NUMBER_CLASS.jpg -> top, left, bottom, right
BOXES = {
    "00_243": (0, 42, 215, 142),  # bull mastiff
    "02_438": (88, 78, 224, 224),  # beaker: two
    "06_609": (50, 36, 153, 195),  # jeep
    "07_609": (58, 6, 180, 224),  # jeep
    "13_471": (16, 0, 210, 208),  # cannon
    "14_129": (66, 72, 135, 224),  # spoonbill: two
    "16_251": (0, 24, 186, 192),  # dalmatian: its head
    "17_22": (44, 0, 164, 224),  # bald eagle
    "18_317": (6, 52, 212, 190),  # leafhopper
    "19_305": (54, 7, 190, 200),  # dung beetle
}


@pytest.fixture(scope="module")
def photographs():
    """The model, its images and the numbers of their classes."""
    folder = Path(importlib.util.find_spec("foolbox").submodule_search_locations[0], "data")
    model = zoo.create_model("efficientnet_lite0", weights="imagenet")
    images = [(folder / f"imagenet_{name}.jpg").read_bytes() for name in BOXES]
    return model, zoo.preprocess_input(images, model), [int(name.split("_")[1]) for name in BOXES]


def test_the_energy_lies_in_the_box(photographs):
    """A random map has the box's share of the area in it: 49 % on average."""
    model, images, classes = photographs
    inside, area = [], []
    for map_, (top, left, bottom, right) in zip(
        grad_cam(model, images, classes=classes), BOXES.values(), strict=True
    ):
        inside.append(map_[top:bottom, left:right].sum() / map_.sum())
        area.append((bottom - top) * (right - left) / 224**2)
    assert all(own > share for own, share in zip(inside, area, strict=True))
    assert np.mean(area) == pytest.approx(0.494, abs=0.001)
    assert np.mean(inside) > 0.75
