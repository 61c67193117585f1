"""Photographs that packages ship, which everybody's networks of ImageNet know."""

from __future__ import annotations

import shutil
from pathlib import Path

import matplotlib
import sklearn.datasets

_SCIKIT_LEARN = Path(sklearn.datasets.__file__).parent / "images"
# file -> the number and WordNet id of its class
PHOTOGRAPHS = {
    Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg": (652, "n03763968"),
    _SCIKIT_LEARN / "china.jpg": (698, "n03877845"),
    _SCIKIT_LEARN / "flower.jpg": (985, "n11939491"),
}


def write_photographs(folder: Path, *, by: int, numbered: bool = False) -> Path:
    """Copies them into a folder a class, called by number (by=0) or WordNet id (by=1).

    numbered: with the names of ImageNet's first validation images.
    """
    for place, (photo, names) in enumerate(PHOTOGRAPHS.items(), start=1):
        own = folder / str(names[by])
        own.mkdir(parents=True)
        name = f"ILSVRC2012_val_{place:08}.JPEG" if numbered else photo.name
        shutil.copy(photo, own / name)
    return folder
