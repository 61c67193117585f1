"""`tfrecord:PATTERN`: TFRecord files of tf.train.Example, as the usual ImageNet ones.

PATTERN is a glob pattern with {split}, which stands for train, validation and (optional) test.
Keys: `image/encoded` (the bytes of an image file) and `image/class/label` (int64), or what the
options `image` and `label` say; for the class names `image/class/text` (optional).

Labels: a stored label minus `label_offset` has to lie in 0..classes-1. The ImageNet files of the
TensorFlow models repository count from 1 to 1000 and need label_offset=1; others count from 0. A
label outside ends the run in an error that names it, at opening where it is among the labels
looked at (all of a small set), else when it is first met. So does a validation or test record
without the keys, or a whole training set of them; one training record without them is a bad image.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from zoo.data.class_names import read_lines
from zoo.data.records import RecordSplit, open_files
from zoo.data.splits import Source, Split
from zoo.given_path import as_path, matching
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    from zoo.data.read_split import ReadSplit

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_TEXT = "image/class/text"
_KEYS_TOLD = 20  # in an error
_LOOKED_AT = 1024  # records of each split whose labels are checked at opening


def open_records(
    pattern: str,
    label_offset: int = 0,
    classes: int = 1000,
    names: str = "",
    image: str = "image/encoded",
    label: str = "image/class/label",
    *,
    only: str = "",
    kind: str = "tfrecord",
    opened_by: Callable[[Sequence[str], Callable], Split] = open_files,
) -> Source:
    """Opens TFRecord files.

    Args:
      pattern: see the top of this file.
      label_offset: what the smallest stored label is.
      classes: their number.
      names: a text file with one class name a line, instead of `classes`; without it a class is
        called as the `image/class/text` of a record looked at, or by its number.
      image, label: the keys of an image file's bytes and of its class's number.
      only: the one split that is wanted; the others need not be there. "" for all.
      kind, opened_by: what the files are called in errors, and what finds their records, as
        `zoo.data.records.open_files`.

    Raises:
      ValueError: missing files or shards, records without the keys, labels out of range.
    """
    if image == label:
        raise ValueError(f"image and label have one key, got {image!r}; expected two")
    given = _read_names(names) if names else ()
    classes = len(given) or classes

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        parsed = tf.io.parse_single_example(
            serialized,
            {
                image: tf.io.FixedLenFeature([], tf.string),
                label: tf.io.FixedLenFeature([], tf.int64),
            },
        )
        stored = parsed[label]
        row = stored - label_offset
        in_range = tf.logical_and(row >= 0, row < classes)
        message = tf.strings.join(
            [_range_message("", label_offset, classes), tf.strings.as_string(stored)]
        )
        with tf.control_dependencies([tf.debugging.Assert(in_range, [message])]):
            return parsed[image], tf.cast(row, tf.int32)

    splits, texts = {}, {}
    for split in (only,) if only else ("train", "validation", "test"):
        files = _find(pattern, split, kind, required=bool(only) or split != "test")
        if files:
            splits[split] = opened_by(files, parse)
            keys = {image: "bytes", label: "int64"}
            texts.update(_look(splits[split], split, keys, kind, label_offset, classes))
    found = tuple(texts.get(row) or str(row) for row in range(classes))
    return Source(kind, given or found, channels=3, splits=splits)


def _find(pattern: str, split: str, kind: str, *, required: bool) -> list[str]:
    path = pattern.replace("{split}", split)
    if "://" in path:
        raise ValueError(f"{kind} reads local files only, got {path!r}; copy them to an SSD")
    files = [file for file in matching(path) if os.path.isfile(file)]
    if not files and required:
        raise ValueError(f"no {split} files match {path!r}; expected {kind} files there")
    for file in files:
        shard = re.search(r"-\d{5}-of-(\d{5})$", file)
        if shard and int(shard[1]) != len(files):
            raise ValueError(f"{len(files)} files match {path!r}, but {os.path.basename(file)} "
                             f"says there are {int(shard[1])}; fetch the others")
    return files


def _read_names(path: str) -> tuple[str, ...]:
    names = tuple(line.strip() for line in read_lines(as_path(path)) if line.strip())
    if len(names) < 2:
        raise ValueError(f"{path} has {len(names)} class names; expected at least 2, one a line")
    return names


def _look(
    records: RecordSplit | ReadSplit, split: str, keys: dict[str, str], kind: str,
    label_offset: int, classes: int,
) -> dict[int, str]:
    """Checks the keys and labels of some records spread over a split; returns label -> text."""
    count = min(records.num_examples, _LOOKED_AT)
    rows = np.linspace(0, records.num_examples - 1, count).astype(np.int64)
    texts = {}
    for row in rows:
        name = records.row_name(row)
        try:
            stored, text = _parse_eagerly(records.read(row), name, keys, kind)
        except ValueError:
            # One among others is for `on_bad_image`, as an image that cannot be decoded is.
            if split != "train" or row == rows[-1] and not texts:
                raise
            continue
        if not 0 <= stored - label_offset < classes:
            raise ValueError(f"{name}: " + _range_message(stored, label_offset, classes))
        texts[stored - label_offset] = text
    return texts


def _parse_eagerly(
    serialized: bytes, name: str, keys: dict[str, str], kind: str
) -> tuple[int, str]:
    """Returns the stored label and the class text of a record that is checked to have all keys.

    keys: of the image and of the label -> the kind of what is stored there.
    """
    # Not by TensorFlow's parser: its errors quote the record, and fail because that is no text.
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError(f"{name} is no tf.train.Example") from error
    there = {key: _stored(feature) for key, feature in sorted(features.items())}
    for what, (key, value) in zip(("image", "label"), keys.items(), strict=True):
        if there.get(key) != f"1 {value}":
            found = [f"{key!r} ({stored})" for key, stored in there.items()]
            more = ["..."] * (len(found) > _KEYS_TOLD)
            raise ValueError(f"{name} has the keys {', '.join(found[:_KEYS_TOLD] + more) or 'none'}"
                             f"; expected {key!r} (1 {value}), or {kind}:PATTERN,{what}=KEY with "
                             "another key")
    _, label = keys
    text = b"".join(features[_TEXT].bytes_list.value[:1])
    return features[label].int64_list.value[0], text.decode("utf-8", "replace")


def _stored(feature: tf.train.Feature) -> str:
    """How many values of which kind, as "1 int64"."""
    kind = feature.WhichOneof("kind") or "nothing"
    count = len(getattr(feature, kind).value) if kind != "nothing" else 0
    return f"{count} {kind.removesuffix('_list')}"


def _range_message(stored: int | str, label_offset: int, classes: int) -> str:
    return (
        f"label out of range with label_offset={label_offset}, classes={classes}; expected "
        f"{label_offset}..{label_offset + classes - 1}, got {stored}"
    )
