"""`csv:FILE`: a list of image files with their labels, a row an image, with a header.

Columns are separated by commas, semicolons or tabs. Paths are relative to the list's folder.
"""

from __future__ import annotations

import csv
import os

from zoo.data.holdout import divide_by_name
from zoo.data.splits import FileSplit, Source
from zoo.lazy import lazy_module
from zoo.natural_order import natural_key

np = lazy_module("numpy")

_SPLITS = {"train": "train", "training": "train", "validation": "validation", "val": "validation",
           "valid": "validation", "test": "test"}
_MOST_BYTES = 2**30
# Files that are looked for at the start; a file server answers in a third of a millisecond.
_MOST_LOOKED_FOR = 100_000


def open_csv(
    file: str,
    *,
    path: str = "path",
    label: str = "label",
    split: str = "split",
    validation_share: float | None = None,
    only: str = "",
) -> Source:
    """Opens a list; class names are the labels, in natural order.

    path, label, split: names of the columns. Without a column `split`, whose values are train,
        validation (val) and test, `validation_share` divides the images: see `divide_by_name`.
    validation_share: of the training images, in (0, 1); for a list without validation images.
    only: the one split that is wanted; the others need not be there. "" for all.

    Raises:
      ValueError: a list that cannot be read, a column or an image file that is not there.
    """
    rows = _read(file, path, label)
    folder = os.path.dirname(os.path.abspath(file))
    names = tuple(sorted({row[label] for row in rows}, key=natural_key))
    number = {name: index for index, name in enumerate(names)}
    found: dict[str, tuple[list[str], list[int]]] = {}
    for row in rows:
        told = row.get(split, "train").strip().lower()
        if told not in _SPLITS:
            raise ValueError(f"{file}: got the split {row[split]!r}; expected one of "
                             f"{', '.join(_SPLITS)}")
        paths, labels = found.setdefault(_SPLITS[told], ([], []))
        paths.append(row[path])
        labels.append(number[row[label]])
    splits = {
        name: FileSplit(np.array([os.path.join(folder, one) for one in paths], object),
                        np.array(labels, np.int32))
        for name, (paths, labels) in found.items()
    }
    for one in splits.values():
        _check_files(file, one)
    splits = divide_by_name(splits, folder, validation_share, f"csv:{file}")
    for name in (only,) if only else ("train", "validation"):
        if name not in splits:
            raise ValueError(
                f"{file} has no {name} images; expected a column {split!r} with train, validation "
                f"and test, or --data=csv:{file},validation_share=0.2"
            )
    return Source("csv", names, channels=3, splits={
        name: one for name, one in splits.items() if only in ("", name)
    })


def _read(file: str, path: str, label: str) -> list[dict[str, str]]:
    try:
        if os.path.getsize(file) > _MOST_BYTES:
            raise ValueError(f"{file} has over {_MOST_BYTES} bytes; expected a list of images")
        with open(file, encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            lines.seek(0)
            delimiter = max(",;\t", key=header.count)
            rows = list(csv.DictReader(lines, delimiter=delimiter, strict=True))
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}; expected a list of images") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{file} is no list in UTF-8: {error}") from None
    if not rows:
        raise ValueError(f"{file} has no rows; expected a header, then a row an image")
    for column, option in ((path, "path"), (label, "label")):
        if column not in rows[0]:
            there = ", ".join(filter(None, rows[0]))
            raise ValueError(f"{file} has no column {column!r}, but {there}; expected "
                             f"--data=csv:{file},{option}=COLUMN")
        for line, row in enumerate(rows, 2):
            if not row[column]:
                raise ValueError(f"{file}: row {line} has no {column}")
    return rows


def _check_files(file: str, split: FileSplit) -> None:
    if split.num_examples > _MOST_LOOKED_FOR:
        return
    missing = [path for path in split.paths if not os.path.isfile(path)]
    if missing:
        raise ValueError(f"{file}: {len(missing)} of {split.num_examples} files are not there, as "
                         f"{missing[0]!r}; expected paths relative to the list's folder")
