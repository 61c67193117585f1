"""Real images that an export is checked on: of a data set, or what installed packages ship."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sklearn.datasets

from zoo.data import open_source
from zoo.data.evaluation import eval_batches
from zoo.data.splits import Split
from zoo.weights.preprocessing import Preprocessing
from zoo.weights.resizing import resize_and_crop


class Pictures(NamedTuple):
    """images: uint8 [N, S, S, C]; labels: int [N], None where they are not known; of: their origin,
    in words."""

    images: np.ndarray
    labels: np.ndarray | None
    of: str


def of_split(split: Split, known: Preprocessing, count: int, of: str = "") -> Pictures:
    """`count` images of a split, spread over it, as an evaluation sees them; all, if it has less.

    Raises what reading one raises.
    """
    total = split.num_examples
    rows = np.linspace(0, total - 1, min(count, total)).astype(np.int64)
    batches = eval_batches(
        split.subset(rows), image_size=known.image_size, channels=len(known.mean),
        batch_size=min(32, len(rows)), eval_resize=known.eval_resize, resizing=known.resizing,
    )
    parts = [(images[mask], labels[mask]) for images, labels, mask in batches.as_numpy_iterator()]
    images, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Pictures(images, labels, of)


def of_packages(known: Preprocessing) -> Pictures:
    """For a grey model 100 digits of mnist5k's validation images; for one of colours 16 views of
    the two photographs that scikit-learn ships."""
    if len(known.mean) == 1:
        split = open_source("mnist5k").splits["validation"]
        return of_split(split, known, 100, "validation of mnist5k")._replace(labels=None)
    size = (known.image_size, known.image_size)
    views = [
        resize_and_crop(
            picture[:, ::step], size, (int(known.eval_resize * scale),) * 2, known.resizing
        )
        for picture in sklearn.datasets.load_sample_images().images
        for step in (1, -1) for scale in (1, 1.25, 1.5, 2)
    ]
    return Pictures(np.stack(views), None, "views of scikit-learn's two photographs")
