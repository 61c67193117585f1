"""Where the images lie that a prepared set is made of: their names, labels, places and sizes.

Noted before anything is written, so that what is missing or empty is told at once, and any image
can be read later, by whichever thread or machine, without its neighbours.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping

from zoo.data.folder import open_folder, split_folders
from zoo.lazy import lazy_module
from zoo.progress import with_progress

np = lazy_module("numpy")

ListedFile = tuple[bytes, int, int, int, int]  # name, label, offset, size, changed


@dataclasses.dataclass(frozen=True)
class Examples:
    """The images of one split.

    place: a tar that holds them, or the folder that their names are relative to.
    rows: structured [N]: `name` bytes, `label` int32, `offset` and `size` int64 (bytes of the image
        file in `place`, or in its own file), `changed` int64 (its own file's modification time, ns;
        0 in a tar).
    """

    place: str
    rows: np.ndarray


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What a set is prepared from. class_names: one a label; splits: by name."""

    class_names: tuple[str, ...]
    splits: Mapping[str, Examples]

    @property
    def counts(self) -> dict[str, int]:
        return {split: len(examples.rows) for split, examples in self.splits.items()}


def as_examples(place: str, rows: Iterable[ListedFile]) -> Examples:
    """Raises ValueError for an image of no bytes."""
    rows = list(rows)
    width = max((len(row[0]) for row in rows), default=1)
    kinds = [("name", f"S{width}"), ("label", np.int32)]
    kinds += [(field, np.int64) for field in ("offset", "size", "changed")]
    table = np.array(rows, dtype=kinds)
    empty = table["name"][table["size"] <= 0]
    if len(empty):
        raise ValueError(f"{place}: {os.fsdecode(empty[0])} is empty ({len(empty)} such); "
                         "fetch it again or remove it")
    return Examples(place, table)


def find_images(folder: str) -> Inputs:
    """The images of folder/{train,validation,test}/CLASS, as `folder:DIR` opens them.

    Raises:
      ValueError: as `open_folder`, an empty file, or a link to a file outside of `folder`.
    """
    source = open_folder(folder)
    splits, places = {}, split_folders(folder)
    real = functools.cache(os.path.realpath)  # of folders
    for split, files in source.splits.items():
        place = places[split]
        pairs = zip(files.paths, files.labels, strict=True)
        told = with_progress(pairs, len(files.paths), f"looking at files of {split}")
        rows = []
        for path, label in told:
            target = os.path.realpath(path) if os.path.islink(path) else real(os.path.dirname(path))
            _check_within(path, target, real(folder))
            rows.append(_row(place, path, label))
        splits[split] = as_examples(place, rows)
    return Inputs(source.class_names, splits)


def _check_within(path: str, target: str, folder: str) -> None:
    """target: where `path` leads to, without links; folder: so, too."""
    # A set of somebody else's could have any file of this machine stored as one of its images.
    if os.path.commonpath([target, folder]) != folder:
        raise ValueError(f"{path} is a link that leaves {folder}; expected image files, or links "
                         "within the folder: copy what it leads to")


def _row(place: str, path: str, label: int) -> ListedFile:
    status = os.stat(path)
    name = os.fsencode(os.path.relpath(path, place))
    return name, label, 0, status.st_size, status.st_mtime_ns
