"""The names of ImageNet's classes, and predictions told in them."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from zoo.lazy import lazy_module
from zoo.models.checks import is_positive_int, plain

np = lazy_module("numpy")


def _read(path: pathlib.Path) -> tuple[tuple[str, str], ...]:
    lines = [x for x in path.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    return tuple(tuple(line.split("\t")) for line in lines[1:])  # behind the columns' names


# (WordNet id, name) of each of the 1000 classes, in the order of the networks' outputs.
IMAGENET = _read(pathlib.Path(__file__).with_name("imagenet_classes.tsv"))


def decode_predictions(
    probabilities: np.ndarray, top: int = 5, class_names: Sequence[str] | None = None
) -> list[list[tuple[str | int, str, float]]]:
    """The likeliest classes of each image: a list an image of (id, name, probability).

    The likeliest comes first, as in `keras.applications`.

    probabilities: [B, num_classes], each row in [0, 1] and of sum 1 (within 1e-3).
    class_names: the classes' names in the order of the outputs, their ids then being 0, 1, ...;
        None: ImageNet's 1000, whose ids are WordNet's ("n01440764").

    Raises:
      ValueError: another shape, number of classes or range, as that of logits.
    """
    probabilities = np.asarray(probabilities)
    classes = IMAGENET if class_names is None else tuple(enumerate(class_names))
    if probabilities.ndim != 2:
        raise ValueError(
            f"got probabilities of shape {probabilities.shape}; expected [batch, num_classes]"
        )
    if probabilities.shape[1] != len(classes):
        whose = "ImageNet has" if class_names is None else "class_names are"
        raise ValueError(
            f"got probabilities of {probabilities.shape[1]} classes; expected {len(classes)}, "
            f"which {whose}"
        )
    top = plain(top)
    if not is_positive_int(top) or top > len(classes):
        raise ValueError(f"got top={top!r}; expected a number from 1 to {len(classes)}")
    sums = probabilities.sum(axis=1)
    # Comparisons with NaN are False.
    if not ((probabilities >= 0) & (probabilities <= 1)).all() or (abs(sums - 1) > 1e-3).any():
        raise ValueError(
            f"got values from {probabilities.min():g} to {probabilities.max():g} and sums of rows "
            f"from {sums.min():g} to {sums.max():g}; expected probabilities: these are logits, "
            "apply softmax"
        )
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return [
        [(*classes[index], float(row[index])) for index in best]
        for row, best in zip(probabilities, order, strict=True)
    ]
