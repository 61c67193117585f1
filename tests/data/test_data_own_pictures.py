"""A folder of classes alone, a list in a file, the same picture in two splits, uneven classes."""

from __future__ import annotations

import csv
import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
from conftest import NAMES, labels_of, write_folder, wrong
from PIL import Image

from zoo.data import open_source
from zoo.data.duplicates import duplicates
from zoo.data.splits import ArraySplit


@pytest.fixture(scope="module")
def classes(tmp_path_factory, digits):
    """CLASS/*.png: thirty different digits of each of three classes."""
    folder = tmp_path_factory.mktemp("own") / "digits"
    images, labels = digits
    for label in range(3):
        (folder / NAMES[label]).mkdir(parents=True)
        for number, image in enumerate(images[labels == label][:30]):
            Image.fromarray(image[..., 0]).save(folder / NAMES[label] / f"{number}.png")
    return folder


def files(source, split: str) -> set[str]:
    return set(source.splits[split].paths)


def test_classes_alone_are_divided_by_their_names(classes, tmp_path):
    source = open_source(f"folder:{classes},validation_share=0.2", cache_mb=0)
    assert source.class_names == ("one", "two", "zero")
    train, held = files(source, "train"), files(source, "validation")
    assert len(train) + len(held) == 90 and not train & held
    assert 8 <= len(held) <= 30 and set(labels_of(source.splits["validation"])) == {0, 1, 2}
    assert files(open_source(f"folder:{classes},validation_share=0.2", cache_mb=0,
                             only="validation"), "validation") == held


def test_an_image_stays_where_it_is_when_others_come_and_the_folder_moves(classes, tmp_path):
    before = open_source(f"folder:{classes},validation_share=0.3", cache_mb=0)
    moved = shutil.copytree(classes, tmp_path / "elsewhere")
    for number in range(20):
        shutil.copy(moved / "one" / f"{number}.png", moved / "one" / f"more{number}.png")
    after = open_source(f"folder:{moved},validation_share=0.3", cache_mb=0)
    for split in ("train", "validation"):
        there = {path.replace(str(classes), str(moved)) for path in files(before, split)}
        assert there <= files(after, split)


def test_a_train_folder_alone_is_divided_too(classes, tmp_path):
    shutil.copytree(classes, tmp_path / "set" / "train")
    wrong("has no validation/; move the images of each class to validation/CLASS/, or name the "
          f"classes' folders alone: --data=folder:{tmp_path}/set,validation_share=0.2",
          f"folder:{tmp_path}/set")
    source = open_source(f"folder:{tmp_path}/set,validation_share=0.2", cache_mb=0)
    assert source.splits["train"].num_examples > 60


def test_shares_that_cannot_be(classes, tmp_path, digits):
    for text in ("0", "1", "-0.1", "1.5", "a", "0.0"):
        wrong("expected a share over 0 and below 1", f"folder:{classes},validation_share={text}")
    write_folder(tmp_path, digits)
    wrong("got validation_share=0.2; expected none, since there are validation images already",
          f"folder:{tmp_path},validation_share=0.2")
    (tmp_path / "single" / "one").mkdir(parents=True)
    shutil.copy(classes / "one" / "0.png", tmp_path / "single" / "one" / "0.png")
    wrong("a class has one image", f"folder:{tmp_path}/single,validation_share=0.2")


def test_each_class_is_in_both_parts_however_small_the_share(classes):
    source = open_source(f"folder:{classes},validation_share=0.001", cache_mb=0)
    assert sorted(labels_of(source.splits["validation"])) == [0, 1, 2]
    source = open_source(f"folder:{classes},validation_share=0.999", cache_mb=0)
    assert sorted(labels_of(source.splits["train"])) == [0, 1, 2]


def write_list(path, classes, *, header=("path", "label"), delimiter=",", split=False):
    rows = [(f"digits/{name}/{number}.png", name) for name in NAMES[:3] for number in range(30)]
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([*header, *(["split"] if split else [])])
        for row, (image, name) in enumerate(rows):
            writer.writerow([image, name, *([("train", "val", "test")[row % 3]] if split else [])])
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_with_splits(classes, delimiter):
    path = write_list(classes.parent / f"list{ord(delimiter)}.csv", classes, delimiter=delimiter,
                      split=True)
    source = open_source(f"csv:{path}", cache_mb=0)
    assert source.class_names == ("one", "two", "zero")
    assert {name: one.num_examples for name, one in source.splits.items()} == {
        "train": 30, "validation": 30, "test": 30}
    image = Image.open(source.splits["test"].paths[0])
    assert image.size == (28, 28)
    assert [path.split("/")[-2] for path in source.splits["train"].paths] == [
        source.class_names[label] for label in labels_of(source.splits["train"])]
    assert list(open_source(f"csv:{path}", cache_mb=0, only="test").splits) == ["test"]


def test_a_list_without_splits_and_with_other_columns(classes):
    path = write_list(classes.parent / "other.csv", classes, header=("image", "class"))
    wrong("has no column 'path', but image, class; expected --data=csv:", f"csv:{path}")
    wrong("has no validation images", f"csv:{path},path=image,label=class")
    spec = f"csv:{path},path=image,label=class,validation_share=0.2"
    by_list = open_source(spec, cache_mb=0)
    assert by_list.splits["train"].num_examples + by_list.splits["validation"].num_examples == 90


def test_lists_that_cannot_be_read(classes, tmp_path):
    path = tmp_path / "list.csv"
    for content, part in (
        (b"", "has no rows"), (b"path,label\n", "has no rows"),
        (b"\xff\xfe\x00", "is no list in UTF-8"),
        (b"path,label\na.png\n", "row 2 has no label"),
        (b"path,label\na.png,x\n", "1 of 1 files are not there, as "),
        (b"path,label,split\na.png,x,dev\n", "got the split 'dev'; expected one of train, "),
    ):
        path.write_bytes(content)
        wrong(part, f"csv:{path}")
    wrong("No such file", f"csv:{tmp_path}/none.csv")


def test_the_same_picture_in_two_splits_is_told(classes, tmp_path, capsys):
    for split in ("train", "validation"):
        shutil.copytree(classes, tmp_path / split)
    for name in NAMES[:3]:
        for number in range(30):
            folder = tmp_path / ("train" if number % 2 else "validation")
            (folder / name / f"{number}.png").unlink()
    open_source(f"folder:{tmp_path}", cache_mb=0)
    assert "also among" not in capsys.readouterr().err
    shutil.copy(tmp_path / "train/one/0.png", tmp_path / "validation/two/again.png")
    source = open_source(f"folder:{tmp_path}", cache_mb=0)
    told = capsys.readouterr().err
    assert told.startswith("1 of the validation images are also among those to train on, as ")
    (pairs,) = duplicates(source.splits["train"], source.splits["validation"])
    assert pairs == [(f"{tmp_path}/train/one/0.png", f"{tmp_path}/validation/two/again.png")]


@pytest.mark.parametrize("encoded", [True, False])
def test_the_same_record_in_two_splits(encoded, digits):
    """Bytes of files in records, and pixels in memory: the third and the fifth of one are the
    second and the first of the other; of the same pixels in another shape none is."""
    images = digits[0][:20]
    labels = np.zeros(20, np.int32)
    if encoded:
        def split(rows):
            return Encoded(tf.constant([tf.io.encode_png(images[row]).numpy() for row in rows]))
    else:
        def split(rows):
            return ArraySplit(images[rows], labels[:len(rows)])
    one, other = [0, 1, 2, 3, 4], [4, 2, 9, 10]
    assert duplicates(split(one), split(other), split([0, 12])) == [
        [("image 4 of them", "image 0"), ("image 2 of them", "image 1")],
        [("image 0 of them", "image 0")],
    ]
    flat = ArraySplit(images[other].reshape(4, 14, 56, 1), labels[:4])
    assert duplicates(ArraySplit(images[one], labels[:5]), flat) == [[]]


@dataclasses.dataclass(frozen=True)
class Encoded:
    files: tf.Tensor
    encoded = True

    @property
    def num_examples(self):
        return len(self.files)

    def example(self, index):
        return self.files[index], tf.constant(0)


def test_large_sets_are_not_looked_through(digits, monkeypatch):
    images = digits[0][:8]
    split = ArraySplit(images, np.zeros(8, np.int32))
    assert len(duplicates(split, split)[0]) == 8
    monkeypatch.setattr("zoo.data.duplicates.MOST_BYTES", 16 * 784 - 1)
    assert duplicates(split, split) == [[]]
    monkeypatch.setattr("zoo.data.duplicates.MOST_IMAGES", 15)
    assert duplicates(split, split) == [[]]


def test_uneven_classes_are_told_with_what_to_do(classes, tmp_path, capsys):
    folder = shutil.copytree(classes, tmp_path / "uneven")
    open_source(f"folder:{folder},validation_share=0.2", cache_mb=0)
    assert "class_weights" not in capsys.readouterr().err
    for number in range(2, 30):
        (folder / "two" / f"{number}.png").unlink()
    source = open_source(f"folder:{folder},validation_share=0.2", cache_mb=0)
    counts = np.bincount(labels_of(source.splits["train"]))
    assert (f"{counts.max()} training images of '{source.class_names[counts.argmax()]}', 1 of "
            "'two': --class_weights=balanced weighs the classes alike") in capsys.readouterr().err
