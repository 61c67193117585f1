"""`parquet:DIR`: image sets as Hugging Face's datasets library stores them, on this disk.

DIR, or one file, holds *.parquet with a column of images (a struct of `bytes` and `path`, or the
bytes of image files) and one of labels (whole numbers or texts). A file belongs to the split whose
name is a word of its path below DIR, as in `data/train-00000-of-00002.parquet` or
`validation/0000.parquet`; without one to train.

The format gives access to a group of rows: for an image its group is read, 100 rows as that library
writes them. `_MOST_KEPT` bytes of groups stay in memory.
"""

from __future__ import annotations

import collections
import functools
import json
import os
import re
import threading
from typing import TYPE_CHECKING, Any

from zoo.data.holdout import HELD_OUT, stratified_holdout
from zoo.data.read_split import ReadSplit
from zoo.data.splits import Source
from zoo.lazy import lazy_module
from zoo.natural_order import natural_key

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
else:
    np = lazy_module("numpy")
    pa = lazy_module("pyarrow")
    pq = lazy_module("pyarrow.parquet")

_SPLITS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation",
           "val": "validation", "dev": "validation", "test": "test", "testing": "test"}
_MOST_KEPT = 256 * 2**20


def open_parquet(place: str, *, image: str = "", label: str = "", only: str = "") -> Source:
    """Opens a set.

    Its `validation` split is the validation split. Without one, a tenth of each class of `train`
    is held out for it. A `test` split without labels (-1) is left out. Classes are called as the
    library's own note in the files says, or else by their texts or numbers.

    Args:
      place: see the top of this file.
      image, label: names of the columns; "" for the only one that can be it, or `image`, `label`.
      only: the one split that is wanted; the others need not be there. "" for all.

    Raises:
      ValueError: pyarrow is not installed, no file or no Parquet file, no column of images or
        labels, a row without a label.
    """
    check_pyarrow()
    files = _find(place)
    parts = {split: [_File(path, image, label) for path in paths] for split, paths in files.items()}
    names = _class_names([file for part in parts.values() for file in part])
    number = {name: index for index, name in enumerate(names)}
    splits = {split: _split(part, number) for split, part in parts.items()}
    if "test" in splits and (splits["test"].labels < 0).all():
        del splits["test"]
    for split in splits.values():
        if (split.labels < 0).any():
            row = int(np.argmax(split.labels < 0))
            raise ValueError(f"{split.row_name(row)} has no label; expected one in each row")
    if "validation" not in splits and "train" in splits and only != "test":
        kept, held_out = stratified_holdout(splits["train"].labels, HELD_OUT)
        splits["validation"] = splits["train"].subset(held_out)
        splits["train"] = splits["train"].subset(kept)
    for split in (only,) if only else ("train", "validation"):
        if split not in splits:
            raise ValueError(f"{place} has no {split} rows with labels; expected files of such a "
                             f"name, as data/{split}-00000-of-00001.parquet")
    return Source("parquet", names, channels=3, splits={
        name: split for name, split in splits.items() if only in ("", name)
    })


def check_pyarrow() -> None:
    """Raises ValueError, in one line, unless pyarrow is installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ValueError("parquet needs the package pyarrow: "
                         "pip install 'keras-reference-zoo[sets]'") from error


def _find(place: str) -> dict[str, list[str]]:
    """The files of each split, in natural order."""
    if os.path.isfile(place):
        paths, root = [place], os.path.dirname(place)
    else:
        root = place
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(place)
                 for name in names if name.endswith(".parquet")]
    if not paths:
        raise ValueError(f"no *.parquet in {place!r}; expected a folder of them, as "
                         "data/train-00000-of-00001.parquet, or one file")
    found: dict[str, list[str]] = {}
    for path in sorted(paths, key=natural_key):
        words = re.findall("[a-z]+", os.path.relpath(path, root).lower())
        split = next((_SPLITS[word] for word in reversed(words) if word in _SPLITS), "train")
        found.setdefault(split, []).append(path)
    return found


class _File:
    """A file's columns: `image`, a column's name, `label` and its values, perhaps class names."""

    def __init__(self, path: str, image: str, label: str):
        self.path = path
        try:
            opened = pq.ParquetFile(path, memory_map=True)
            schema = opened.schema_arrow
            self.features = _features(schema)
            self.image = _column(path, schema, "image", image, _holds_images)
            self.label = _column(path, schema, "label", label, functools.partial(
                _holds_labels, features=self.features))
            self.labels = opened.read([self.label]).column(self.label).combine_chunks()
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path} is no Parquet file or damaged: "
                             f"{' '.join(str(error).split())[:200]}") from None

    @property
    def class_names(self) -> list[str] | None:
        """Of whole numbers, by the note of Hugging Face's library; None without one."""
        feature = self.features.get(self.label)
        return feature.get("names") if isinstance(feature, dict) else None


def _features(schema: pa.Schema) -> dict[str, Any]:
    """What Hugging Face's library notes of the columns; {} without a note."""
    note = (schema.metadata or {}).get(b"huggingface")
    return json.loads(note).get("info", {}).get("features", {}) if note else {}


def _holds_images(field: pa.Field) -> bool:
    kind = field.type
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0 and _is_bytes(kind.field("bytes").type)
    return _is_bytes(kind)


def _holds_labels(field: pa.Field, features: dict[str, Any]) -> bool:
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _column(path: str, schema: pa.Schema, what: str, given: str, fits) -> str:
    """The name of the column of images or labels.

    Raises ValueError: none, another kind than `fits` takes, or several to choose from.
    """
    found = [field.name for field in schema if fits(field)]
    if given in found or not given and what in found:
        return given or what
    if not given and len(found) == 1:
        return found[0]
    there = ", ".join(f"{field.name} ({str(field.type)[:60]})" for field in schema)
    needed = {"image": "bytes of image files, or a struct with them",
              "label": "whole numbers or texts"}[what]
    raise ValueError(f"{path} has {len(found) if not given else 'no'} column"
                     f"{f' {given!r}' if given else 's'} of {needed}, but {there}; expected "
                     f"--data=parquet:DIR,{what}=COLUMN")


def _class_names(files: list[_File]) -> tuple[str, ...]:
    for file in files:
        if file.class_names:
            return tuple(file.class_names)
    values = {value for file in files for value in file.labels.unique().to_pylist()} - {None}
    if all(isinstance(value, int) for value in values):
        return tuple(map(str, range(max(values, default=-1) + 1)))
    return tuple(sorted(map(str, values), key=natural_key))


def _split(files: list[_File], number: dict[str, int]) -> ReadSplit:
    """Rows without a label, and texts that are no class, have -1."""
    labels = [_numbers(file, number) for file in files]
    counts = [len(some) for some in labels]
    return ReadSplit(
        files=tuple(file.path for file in files),
        file_of=np.repeat(np.arange(len(files), dtype=np.int32), counts),
        rows=np.concatenate([np.arange(count) for count in counts]),
        reader=_Groups({file.path: file.image for file in files}).read,
        labels=np.concatenate(labels),
    )


def _numbers(file: _File, number: dict[str, int]) -> np.ndarray:
    """int32 [rows]"""
    if not pa.types.is_integer(file.labels.type):
        return np.array([number.get(value, -1) for value in file.labels.to_pylist()], np.int32)
    labels = file.labels.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    if labels.size and labels.max() >= len(number):
        raise ValueError(f"{file.path} has the label {labels.max()}; expected one of the "
                         f"{len(number)} classes that the files name")
    return np.where(labels < 0, -1, labels).astype(np.int32)


class _Groups:
    """Rows' images by file and row; groups of rows stay in memory, those last used, in all
    `_MOST_KEPT` bytes."""

    def __init__(self, columns: dict[str, str]):
        self._columns = columns
        self._starts: dict[str, np.ndarray] = {}  # of each group its first row, and the end
        self._kept: collections.OrderedDict[tuple[str, int], pa.Array] = collections.OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: str, row: int) -> bytes:
        """The bytes of the image file in a row; b"" where there are none."""
        starts = self._starts_of(path)
        group = int(np.searchsorted(starts, row, side="right")) - 1
        value = self._group(path, group)[row - int(starts[group])].as_py()
        return value or b""

    def _starts_of(self, path: str) -> np.ndarray:
        if path not in self._starts:
            about = pq.read_metadata(path)
            sizes = [about.row_group(group).num_rows for group in range(about.num_row_groups)]
            self._starts[path] = np.concatenate([[0], np.cumsum(sizes)])
        return self._starts[path]

    def _group(self, path: str, group: int) -> pa.Array:
        with self._lock:
            if (path, group) in self._kept:
                self._kept.move_to_end((path, group))
                return self._kept[path, group]
        # Outside of the lock: other threads read other groups meanwhile.
        read = pq.ParquetFile(path).read_row_group(
            group, columns=[self._columns[path]], use_threads=False
        ).column(0).combine_chunks()
        images = read.field("bytes") if pa.types.is_struct(read.type) else read
        with self._lock:
            self._kept[path, group] = images
            while len(self._kept) > 1 and sum(x.nbytes for x in self._kept.values()) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return images
