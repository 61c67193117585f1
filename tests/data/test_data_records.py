"""TFRecord and TFDS on small real files: what they give, and every way they can be wrong."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from conftest import NAMES, example, labels_of, part_of, write_records, write_tfds, wrong
from image_files import encode

from zoo.data import open_source, train_batches

# TFRecord


def test_records_are_read_back(data_root, digits):
    for cache_mb in (0, 100):
        source = open_source(f"tfrecord:{data_root}/records/{{split}}-*,classes=10",
                             cache_mb=cache_mb)
        assert source.class_names == NAMES and source.channels == 3
        want = list(part_of(digits, "train"))
        want = want[0::2] + want[1::2]
        split = source.splits["train"]
        assert labels_of(split) == [label for label, _, _ in want]
        for row in (0, 34, 35, 69):
            image = split.example(tf.constant(row, tf.int64))[0]
            image = tf.io.decode_png(image, channels=1) if split.encoded else image[..., :1]
            np.testing.assert_array_equal(image, want[row][2])


def test_labels_from_one_need_their_offset(tmp_path, digits):
    write_records(tmp_path, digits, label_offset=1, splits=("train", "validation", "test"))
    pattern = f"tfrecord:{tmp_path}/{{split}}-*,classes=10"
    source = open_source(f"{pattern},label_offset=1")
    assert sorted(set(labels_of(source.splits["train"]))) == list(range(10))
    assert source.class_names == NAMES and source.splits["test"].num_examples == 20
    wrong("label out of range with label_offset=0, classes=10; expected 0..9, got 10", pattern)
    wrong("label out of range with label_offset=2, classes=10; expected 2..11, got 1",
          f"{pattern},label_offset=2")
    wrong("-of-00002 record at byte ", pattern)


def test_a_label_out_of_range_among_many_ends_training(tmp_path, digits, monkeypatch):
    """Not every label of a large set is looked at when it is opened."""
    monkeypatch.setattr("zoo.data.tfrecord._LOOKED_AT", 1)
    write_records(tmp_path, digits, text=False)
    spec = f"tfrecord:{tmp_path}/{{split}}-*,classes=9"
    split = open_source(spec, cache_mb=0).splits["train"]
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        next(iter(train_batches(split, image_size=8, channels=3, batch_size=70, seed=0)))
    assert "label out of range with label_offset=0, classes=9" in str(caught.value)
    assert "expected 0..8, got 9" in str(caught.value)
    wrong(": label out of range with label_offset=0, classes=9; expected 0..8, got 9", spec)


def test_names_from_a_file(tmp_path, digits):
    write_records(tmp_path, digits, text=False)
    pattern = f"tfrecord:{tmp_path}/{{split}}-*"
    assert open_source(f"{pattern},classes=11").class_names == tuple(map(str, range(11)))
    (tmp_path / "names").write_text("\n".join("abcdefghij") + "\n")
    assert open_source(f"{pattern},names={tmp_path}/names").class_names == tuple("abcdefghij")
    (tmp_path / "names").write_text("a\n")
    wrong("has 1 class names; expected at least 2", f"{pattern},names={tmp_path}/names")
    wrong("no file of class names", f"{pattern},names={tmp_path}/none")
    wrong("no file of class names '/dev/zero'", f"{pattern},names=/dev/zero")
    os.truncate(tmp_path / "names", 1 << 30)  # without taking place on the disk
    wrong("names has 1073741824 bytes; expected a file of", f"{pattern},names={tmp_path}/names")
    (tmp_path / "names").write_bytes(b"\xff\xfea\0b\0")
    wrong("names is not in UTF-8 (invalid start byte)", f"{pattern},names={tmp_path}/names")


def test_wrong_records(tmp_path, digits):
    pattern = f"tfrecord:{tmp_path}/{{split}}-*,classes=10"
    wrong(f"no train files match '{tmp_path}/train-*'", pattern)
    wrong("tfrecord reads local files only", "tfrecord:gs://bucket/{split}-*")
    write_records(tmp_path, digits)
    path = tmp_path / "train-00001-of-00002"
    good = path.read_bytes()
    for content in (good[:-10], good[:-200], good + b"abc", b"no records at all"):
        path.write_bytes(content)
        wrong(f"{path} is truncated or no TFRecord file: record ", pattern)
    path.rename(tmp_path / "aside")
    wrong("1 files match", pattern)
    (tmp_path / "aside").unlink()
    for first in ("train-00000-of-00002", "train-00001-of-00002"):
        (tmp_path / first).write_bytes(b"")
    wrong("train-00000-of-00002 and the 1 files with it hold no record", pattern)

    def one_record(serialized: bytes, message: str) -> None:
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(serialized)
        wrong(message, pattern)

    one_record(b"\xff\xff\xff", "train-00001-of-00002 record at byte 0 is no tf.train.Example")
    one_record(tf.train.Example().SerializeToString(), "has the keys none; expected 'image/enco")
    one_record(example(b"<html>", 3, "three"), "record at byte 0: no image")


def record(**features) -> bytes:
    """bytes, int or float for each key."""
    lists = {bytes: ("bytes_list", tf.train.BytesList), int: ("int64_list", tf.train.Int64List),
             float: ("float_list", tf.train.FloatList)}
    made = {}
    for key, value in features.items():
        field, kind = lists[type(value)]
        made[key] = tf.train.Feature(**{field: kind(value=[value])})
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


def write_keyed(folder, digits, label_of=int):
    for split in ("train", "validation"):
        with tf.io.TFRecordWriter(f"{folder}/{split}-all") as writer:
            for label, _, image in part_of(digits, split):
                writer.write(record(jpg=encode(image, "PNG"), cls=label_of(label), width=28))
    return f"tfrecord:{folder}/{{split}}-*,classes=10"


def test_records_with_other_keys(tmp_path, digits):
    spec = write_keyed(tmp_path, digits)
    wrong("has the keys 'cls' (1 int64), 'jpg' (1 bytes), 'width' (1 int64); "
          "expected 'image/encoded' (1 bytes), or tfrecord:PATTERN,image=KEY with another key",
          spec)
    wrong("expected 'image/class/label' (1 int64), or tfrecord:PATTERN,label=KEY with another key",
          f"{spec},image=jpg")
    wrong("image and label have one key, got 'jpg'; expected two", f"{spec},image=jpg,label=jpg")
    train = open_source(f"{spec},image=jpg,label=cls").splits["train"]
    assert labels_of(train) == [label for label, _, _ in part_of(digits, "train")]


@pytest.mark.parametrize(("label_of", "stored"), [
    (float, "float"), (lambda label: NAMES[label].encode(), "bytes"),
])
def test_labels_that_are_no_whole_numbers(tmp_path, digits, label_of, stored):
    spec = write_keyed(tmp_path, digits, label_of)
    wrong(f"has the keys 'cls' (1 {stored}), 'jpg' (1 bytes), 'width' (1 int64); expected 'cls' (1 "
          "int64), or tfrecord:PATTERN,label=KEY", f"{spec},image=jpg,label=cls")


@pytest.mark.parametrize(("compression", "told"), [
    ("GZIP", "GZIP; expected plain records, which can be read in any order: unpack it with gunzip"),
    ("ZLIB", "ZLIB; expected plain records, which can be read in any order: unpack it"),
])
def test_compressed_records(tmp_path, digits, compression, told):
    spec = write_keyed(tmp_path, digits)
    for level in (1, 6, 9):
        options = tf.io.TFRecordOptions(compression, compression_level=level)
        with tf.io.TFRecordWriter(f"{tmp_path}/train-all", options) as writer:
            for label, _, image in part_of(digits, "train"):
                writer.write(record(jpg=encode(image, "PNG"), cls=label))
        wrong(f"{tmp_path}/train-all is compressed with {told}", spec)


# TFDS


def test_prepared_tfds(data_root, digits):
    source = open_source("tfds:some_digits", data_dir=f"{data_root}/tfds")
    assert source.class_names == NAMES and source.channels == 1
    want = list(part_of(digits, "train"))
    assert labels_of(source.splits["train"]) == [label for label, _, _ in want]
    np.testing.assert_array_equal(source.splits["train"].images,
                                  np.stack([image for _, _, image in want]))
    same = open_source("tfds:some_digits:1.0.0", data_dir=f"{data_root}/tfds")
    assert same.splits["validation"].num_examples == 30


def test_tfds_place_from_the_environment(data_root, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", f"{data_root}/tfds")
    assert open_source("tfds:some_digits").splits["train"].num_examples == 70


def test_tfds_test_set_without_labels_is_left_out(tmp_path, digits):
    splits = ("train", "validation", "test")
    write_tfds(tmp_path, digits, splits=splits, labels=False, config="large")
    source = open_source("tfds:some_digits/large", data_dir=str(tmp_path))
    assert list(source.splits) == ["train", "validation"]


def test_wrong_tfds(tmp_path, digits):
    root = str(tmp_path)
    wrong(f"tfds:mnist is not prepared in {root}; prepare it with: tfds build mnist "
          f"--data_dir={root}", "tfds:mnist", data_dir=root)
    write_tfds(tmp_path, digits)
    wrong("tfds:some_digits:2.0.0 is not prepared", "tfds:some_digits:2.0.0", data_dir=root)
    folder = tmp_path / "some_digits/1.0.0"
    info = json.loads((folder / "dataset_info.json").read_text())
    [train] = [split for split in info["splits"] if split["name"] == "train"]

    def with_info(message: str, **changes) -> None:
        (folder / "dataset_info.json").write_text(json.dumps(info | changes))
        wrong(message, "tfds:some_digits", data_dir=root)
        (folder / "dataset_info.json").write_text(json.dumps(info))

    with_info("is stored as riegeli; expected tfrecord or array_record: prepare it with tfds build",
              fileFormat="riegeli")
    counts = train["shardLengths"]
    train["shardLengths"] = [str(int(counts[0]) + 1), *counts[1:]]
    with_info("train has 70 records, its dataset_info.json says 71; prepare it again")
    train["shardLengths"] = counts
    [first, *_] = sorted(name for name in os.listdir(folder) if "-train." in name)
    (folder / first).rename(tmp_path / "aside")
    wrong(f"lacks the file {folder}/{first}; prepare it again", "tfds:some_digits", data_dir=root)
