"""`tfrecord:PATTERN`: TFRecord files of tf.train.Example, as the usual ImageNet ones.

PATTERN is a glob pattern with {split}, which stands for train, validation and (optional) test.
Keys: `image/encoded` (the bytes of an image file), `image/class/label` (int64), and, for the class
names, `image/class/text` (optional).

Labels: a stored label minus `label_offset` has to lie in 0..classes-1. The ImageNet files of the
TensorFlow models repository count from 1 to 1000 and need label_offset=1; others count from 0. A
label outside ends the run in an error that names it, at opening where it is among the labels
looked at (all of a small set), else when it is first met. So does a validation or test record
without the keys, or a whole training set of them; one training record without them is a bad image.
"""

from __future__ import annotations

import os
import re

from google.protobuf.message import DecodeError

from zoo.data.class_names import read_lines
from zoo.data.records import RecordSplit, open_files
from zoo.data.splits import Source
from zoo.given_path import as_path, matching
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_IMAGE, _LABEL, _TEXT = "image/encoded", "image/class/label", "image/class/text"
_LOOKED_AT = 1024  # records of each split whose labels are checked at opening


def open_records(
    pattern: str, label_offset: int = 0, classes: int = 1000, names: str = "", *, only: str = ""
) -> Source:
    """Opens TFRecord files.

    Args:
      pattern: see the top of this file.
      label_offset: what the smallest stored label is.
      classes: their number.
      names: a text file with one class name a line, instead of `classes`; without it a class is
        called as the `image/class/text` of a record looked at, or by its number.
      only: the one split that is wanted; the others need not be there. "" for all.

    Raises:
      ValueError: missing files or shards, records without the keys, labels out of range.
    """
    given = _read_names(names) if names else ()
    classes = len(given) or classes

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        parsed = tf.io.parse_single_example(
            serialized,
            {
                _IMAGE: tf.io.FixedLenFeature([], tf.string),
                _LABEL: tf.io.FixedLenFeature([], tf.int64),
            },
        )
        stored = parsed[_LABEL]
        label = stored - label_offset
        in_range = tf.logical_and(label >= 0, label < classes)
        message = tf.strings.join(
            [_range_message("", label_offset, classes), tf.strings.as_string(stored)]
        )
        with tf.control_dependencies([tf.debugging.Assert(in_range, [message])]):
            return parsed[_IMAGE], tf.cast(label, tf.int32)

    splits, texts = {}, {}
    for split in (only,) if only else ("train", "validation", "test"):
        files = _find(pattern, split, required=bool(only) or split != "test")
        if files:
            splits[split] = open_files(files, parse)
            texts.update(_look(splits[split], split, label_offset, classes))
    found = tuple(texts.get(label) or str(label) for label in range(classes))
    return Source("tfrecord", given or found, channels=3, splits=splits)


def _find(pattern: str, split: str, *, required: bool) -> list[str]:
    path = pattern.replace("{split}", split)
    if "://" in path:
        raise ValueError(f"tfrecord reads local files only, got {path!r}; copy them to an SSD")
    files = [file for file in matching(path) if os.path.isfile(file)]
    if not files and required:
        raise ValueError(f"no {split} files match {path!r}; expected TFRecord files there")
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
    records: RecordSplit, split: str, label_offset: int, classes: int
) -> dict[int, str]:
    """Checks the keys and labels of some records spread over a split; returns label -> text."""
    count = min(records.num_examples, _LOOKED_AT)
    rows = np.linspace(0, records.num_examples - 1, count).astype(np.int64)
    texts = {}
    for row in rows:
        name = records.row_name(row)
        try:
            stored, text = _parse_eagerly(records.read(row), name)
        except ValueError:
            # One among others is for `on_bad_image`, as an image that cannot be decoded is.
            if split != "train" or row == rows[-1] and not texts:
                raise
            continue
        if not 0 <= stored - label_offset < classes:
            raise ValueError(f"{name}: " + _range_message(stored, label_offset, classes))
        texts[stored - label_offset] = text
    return texts


def _parse_eagerly(serialized: bytes, name: str) -> tuple[int, str]:
    """Returns the stored label and the class text of a record that is checked to have all keys."""
    # Not by TensorFlow's parser: its errors quote the record, and fail because that is no text.
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError(f"{name} is no tf.train.Example") from error
    for key, kind in ((_IMAGE, "bytes_list"), (_LABEL, "int64_list")):
        values = getattr(features[key], kind).value
        if len(values) != 1:
            raise ValueError(f"{name} has {len(values)} values of {key} in a {kind}; expected one")
    text = b"".join(features[_TEXT].bytes_list.value[:1])
    return features[_LABEL].int64_list.value[0], text.decode("utf-8", "replace")


def _range_message(stored: int | str, label_offset: int, classes: int) -> str:
    return (
        f"label out of range with label_offset={label_offset}, classes={classes}; expected "
        f"{label_offset}..{label_offset + classes - 1}, got {stored}"
    )
