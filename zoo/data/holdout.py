"""A fixed part of every class, kept out of training or kept for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.lazy import lazy_module

if TYPE_CHECKING:
    from zoo.data.splits import FileSplit

np = lazy_module("numpy")

HELD_OUT = 0.1  # of a training set that comes without validation images
# Never the run's seed: two runs that are compared must validate on the same examples.
_SEED = 20


def stratified_holdout(labels: np.ndarray, part: float) -> tuple[np.ndarray, np.ndarray]:
    """Divides examples into (kept, held out), both int64 indices in ascending order.

    The choice is a function of `labels` and `part` alone.

    Args:
      labels: int [N].
      part: 0 < part < 1, of each class, rounded, at least one example of it.

    Raises:
      ValueError: a class has one example only, so that none would be left to train on.
    """
    rng = np.random.default_rng(_SEED)
    held = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 2:
            raise ValueError(
                f"label {label} has one example only, so none can be held out for validation; "
                "expected at least 2 of each class"
            )
        count = min(max(1, round(part * len(rows))), len(rows) - 1)
        held.append(rng.permutation(rows)[:count])
    held_out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def divide_by_name(
    splits: Mapping[str, FileSplit], folder: str, share: float | None, spec: str
) -> dict[str, FileSplit]:
    """`splits` with a part of the training images of each class as "validation".

    A hash of an image's path below `folder` decides where it belongs, so that it stays there when
    other images come or go. The parts are `share` up to chance; each class has an image in both.

    share: in (0, 1); None changes nothing. spec: of the source, for the errors.

    Raises:
      ValueError: there are validation images already; a class has one image.
    """
    if share is None:
        return dict(splits)
    if "validation" in splits or "train" not in splits:
        raise ValueError(f"{spec}: got validation_share={share:g}; expected none, since there are "
                         "validation images already")
    train = splits["train"]
    names = [os.fsencode(os.path.relpath(path, folder)) for path in train.paths]
    place = np.array([
        int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") / 2**64
        for name in names
    ])
    held = place < share
    for label in np.unique(train.labels):
        rows = np.flatnonzero(train.labels == label)
        if len(rows) < 2:
            raise ValueError(f"{spec}: a class has one image, {train.paths[rows[0]]!r}; expected 2 "
                             "of each, one to train on and one for validation")
        held[rows[np.argmin(place[rows])]] = True
        held[rows[np.argmax(place[rows])]] = False
    return {**splits, "train": train.subset(np.flatnonzero(~held)),
            "validation": train.subset(np.flatnonzero(held))}


def stratified_subset(labels: np.ndarray, count: int) -> np.ndarray:
    """Chooses `count` examples, of each class its share: int64 [count], in ascending order.

    The choice is a function of `labels` and `count` alone, and a smaller one is part of a larger.

    Args:
      labels: int [N].
      count: 0 <= count <= N.
    """
    rng = np.random.default_rng(_SEED)
    place = np.empty(len(labels))  # of an example in its class, in a random order, in 0..1
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.sort(np.argsort(place, kind="stable")[:count])
