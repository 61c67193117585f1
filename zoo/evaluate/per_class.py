"""What a model gets right and wrong, class by class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zoo.lazy import lazy_module

metrics = lazy_module("sklearn.metrics")  # half a second that a run does not need


class PerClass(NamedTuple):
    """A value a class.

    precision: share of the answers of this class that are right; NaN where there is none.
    recall: share of the images of this class that are answered so; NaN where there is none.
    f1: their harmonic mean; NaN where there is neither image nor answer. All float [C], 0..1.
    support: int [C], images of the class.
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


def per_class(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> PerClass:
    """labels, predicted: int [N]; an answer of -1 is none."""
    return PerClass(*metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(num_classes), zero_division=np.nan
    ))


def confused_pairs(confusion: np.ndarray, most: int) -> list[tuple[int, int, int]]:
    """The most frequent mistakes, the worst first: (images, label, answer).

    confusion: int [C, C], rows are labels. Of equal numbers those of the lower label come first.
    """
    pairs = [
        (int(confusion[label, answer]), int(label), int(answer))
        for label, answer in zip(*confusion.nonzero(), strict=True) if label != answer
    ]
    return sorted(pairs, key=lambda pair: (-pair[0], *pair[1:]))[:most]
