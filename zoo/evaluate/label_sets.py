"""Which of a model's classes the labels of a set are, and other labels for the same images.

    ImageNet-V2                 folders 0 to 999: the classes' numbers
    ImageNet-A, -R, -Sketch     folders by WordNet's ids, of 200, 200 and 1000 of the 1000 classes
    ImageNet-ReaL               a JSON file: for each of the 50,000 validation images, in their
                                order, a list of the numbers of all right classes, or of none

(Recht et al. 2019, arXiv 1902.10811; Hendrycks et al. 2021, 1907.07174 and 2006.16241; Wang et al.
2019, 1905.13549; Beyer et al. 2020, 2006.07159.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.data.splits import FileSplit, Split
from zoo.weights.class_names import IMAGENET

_ROWS = 4096  # sorted at once
_VALIDATION_IMAGE = re.compile(r"ILSVRC2012_val_(\d{8})\b")


class Match(NamedTuple):
    """classes: the model's class of each of the set's, in the set's order; by: what told it."""

    classes: tuple[int, ...]
    by: str


def match_classes(
    names: Sequence[str], num_classes: int, class_names: Sequence[str] | None
) -> Match:
    """Finds a set's classes among the model's: by name, by WordNet id, by number, or by place.

    The first of these by which all classes of the set are known is the one; by place where the
    model has as many classes as the set. The set may have some of the model's classes only.

    names: of the set's classes. class_names: the model's, where they are known.

    Raises:
      ValueError: classes that the model does not have.
    """
    known = {}
    if class_names is not None:
        known["name"] = {name: place for place, name in enumerate(class_names)}
        if tuple(class_names) == tuple(name for _, name in IMAGENET):
            known["WordNet id"] = {own: place for place, (own, _) in enumerate(IMAGENET)}
    known["number"] = {str(place): place for place in range(num_classes)}
    for by, places in known.items():
        if all(name in places for name in names):
            return Match(tuple(places[name] for name in names), by)
    if len(names) == num_classes:
        return Match(tuple(range(num_classes)), "place")
    strange = next(name for name in names if not any(name in places for places in known.values()))
    raise ValueError(
        f"--data: got {len(names)} classes, among them {strange!r}; expected the model's "
        f"{num_classes}, or some of them by {', '.join(known)}"
    )


def image_names(split: Split) -> tuple[str, ...]:
    """A name an image that does not change with the place of the set: its file, from the folder on
    that all are in, or its number."""
    if not isinstance(split, FileSplit):
        return tuple(map(str, range(split.num_examples)))
    paths = [Path(path) for path in split.paths]
    folders = [path.parent.parts for path in paths]
    shared = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared += 1
    return tuple("/".join(path.parts[shared:]) for path in paths)


def read_real(path: str | Path, images: Sequence[str], num_classes: int) -> list[frozenset[int]]:
    """ImageNet-ReaL's right classes of each image, none for those that its authors left out.

    images: names that hold those of ImageNet's validation files, "ILSVRC2012_val_00000001".

    Raises:
      ValueError: a file of another form, or an image of another name.
    """
    try:
        lists = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--labels: {path} is no JSON: {error}") from None
    if not isinstance(lists, list) or not all(
        isinstance(row, list) and all(type(own) is int and 0 <= own < num_classes for own in row)
        for row in lists
    ):
        raise ValueError(
            f"--labels: {path} has another form than ImageNet-ReaL's; expected a list, for each "
            f"image a list of classes from 0 to {num_classes - 1}"
        )
    found = []
    for image in images:
        match = _VALIDATION_IMAGE.search(image)
        if match is None or not 1 <= int(match[1]) <= len(lists):
            raise ValueError(
                f"--labels: {path} has labels for {len(lists)} images by their number; got an "
                f"image {image!r}; expected names as ILSVRC2012_val_00000001.JPEG, as in folder: "
                "and csv: sets of the original files"
            )
        found.append(frozenset(lists[int(match[1]) - 1]))
    return found


def right_among(
    logits: np.ndarray, classes: Sequence[int], labels: Sequence[frozenset[int]], top: int
) -> np.ndarray:
    """bool [M], for the M images that have labels: one is among the `top` largest logits.

    logits: float [N, C], of the model's `classes`. Where a logit is NaN nothing is right.
    """
    rows = np.array([row for row, own in enumerate(labels) if own], int)
    answers = np.asarray(classes)[top_classes(logits[rows], top)]
    usable = ~np.isnan(logits[rows]).any(1)
    return usable & np.array(
        [not labels[row].isdisjoint(own.tolist())
         for row, own in zip(rows, answers, strict=True)], bool
    )


def top_classes(logits: np.ndarray, top: int) -> np.ndarray:
    """int [N, min(top, C)]: the columns of the largest logits, the largest first."""
    parts = [logits[start : start + _ROWS] for start in range(0, max(len(logits), 1), _ROWS)]
    return np.concatenate([np.argsort(-own, axis=1, kind="stable")[:, :top] for own in parts])
