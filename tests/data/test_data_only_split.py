"""Sets of which only the asked split is there; test images without labels; one class."""

from __future__ import annotations

import json
import shutil
import types

import numpy as np
import pytest
from conftest import NAMES, part_of, write_folder, write_idx, write_records, write_tfds, wrong
from tensorflow_datasets import features

from zoo.data import open_source
from zoo.data.tfds import _key


def test_a_folder_with_validation_alone(tmp_path, digits):
    write_folder(tmp_path, digits, splits=("validation",))
    wrong("has no train/; move the images", f"folder:{tmp_path}")
    source = open_source(f"folder:{tmp_path}", only="validation", cache_mb=0)
    assert list(source.splits) == ["validation"] and source.class_names == tuple(sorted(NAMES))
    assert source.splits["validation"].num_examples == 30
    assert not open_source(f"folder:{tmp_path}", only="validation").splits["validation"].encoded
    wrong("has no test/; move the images", f"folder:{tmp_path}", only="test")
    wrong("unknown split, got 'val'; expected one of train, validation, test",
          f"folder:{tmp_path}", only="val")


def test_classes_count_in_the_order_of_the_training_folders(tmp_path, digits):
    """A class that is missing among the test images must not shift the labels."""
    write_folder(tmp_path, digits, splits=("train", "test"))
    assert open_source(f"folder:{tmp_path}", only="test").class_names == tuple(sorted(NAMES))
    shutil.rmtree(tmp_path / "test" / "five")
    wrong("class 'five' is in ", f"folder:{tmp_path}", only="test")


def test_test_images_without_labels_beside_a_training_set(tmp_path, digits, capsys):
    write_folder(tmp_path, digits)
    (tmp_path / "test").mkdir()
    for number in range(3):
        shutil.copy(tmp_path / "train/zero/0.jpeg", tmp_path / f"test/{number}.jpg")
    source = open_source(f"folder:{tmp_path}", cache_mb=0)
    assert list(source.splits) == ["train", "validation"]
    [left_out] = source.left_out
    assert (left_out.reason, left_out.count) == ("in no class folder", 3)
    told = capsys.readouterr().err
    assert f"left out: in no class folder: 3 (as '{tmp_path}/test/0.jpg')" in told
    wrong("test' has no class folders; expected", f"folder:{tmp_path}", only="test")


def test_records_and_idx_files_of_one_split(tmp_path, digits):
    write_records(tmp_path, digits, splits=("validation",))
    spec = f"tfrecord:{tmp_path}/{{split}}-*,classes=10"
    wrong("no train files match", spec)
    assert open_source(spec, only="validation").splits["validation"].num_examples == 30
    wrong("no test files match", spec, only="test")
    write_idx(tmp_path, digits)
    for path in tmp_path.glob("train-*idx*"):
        path.unlink()
    wrong("missing file in ", f"idx:{tmp_path}")
    source = open_source(f"idx:{tmp_path}", only="test")
    assert list(source.splits) == ["test"] and source.class_names == tuple("0123456789")
    assert source.splits["test"].num_examples == 20


def test_tfds_sets_of_one_split(tmp_path, digits):
    write_tfds(tmp_path, digits, splits=("test",))
    root = str(tmp_path)
    wrong("tfds:some_digits has no split train with labels, only ['test']", "tfds:some_digits",
          data_dir=root)
    source = open_source("tfds:some_digits", data_dir=root, only="test")
    assert source.splits["test"].num_examples == len(list(part_of(digits, "test")))
    shutil.rmtree(tmp_path / "some_digits")
    write_tfds(tmp_path, digits, splits=("train",))  # a tenth of it is held out
    for only, count in (("validation", 10), ("train", 60)):
        source = open_source("tfds:some_digits", data_dir=root, only=only)
        assert source.splits[only].num_examples == count
    shutil.rmtree(tmp_path / "some_digits")
    write_tfds(tmp_path, digits, splits=("test",), labels=False)
    wrong("has no split test with labels", "tfds:some_digits", data_dir=root, only="test")


def items(*keys) -> dict:
    return {"tuple": {"items": [_node(key) for key in keys]}}


def _node(key) -> dict:
    if isinstance(key, dict):
        return {"dict": {"dict": {name: {"featureKey": value} for name, value in key.items()}}}
    return {"featureKey": key}


@pytest.mark.parametrize("keys", [
    None,
    items("image", "label", "image"),
    items({"image": "image"}, "label"),
    items({"a": "image", "b": "label"}, "label"),
    items("label", "image"),
    items("image", "image"),  # an autoencoder's
])
def test_tfds_sets_with_any_supervised_keys(tmp_path, digits, keys):
    write_tfds(tmp_path, digits)
    path = tmp_path / "some_digits/1.0.0/dataset_info.json"
    info = json.loads(path.read_text())
    info.pop("supervisedKeys")
    path.write_text(json.dumps(info if keys is None else info | {"supervisedKeys": keys}))
    source = open_source("tfds:some_digits", data_dir=str(tmp_path))
    want = np.stack([image for _, _, image in part_of(digits, "train")])
    np.testing.assert_array_equal(source.splits["train"].images, want)


@pytest.mark.parametrize(("kinds", "message"), [
    ({"left": "Image", "right": "Image", "label": "ClassLabel"},
     r"it has 2 features Image to choose from, \['left', 'right'\]; expected one"),
    ({"image": "Image", "label": "Text"}, r"it has 0 features ClassLabel to choose from, \[\]"),
])
def test_tfds_sets_whose_features_leave_a_choice(kinds, message):
    makers = {"Image": features.Image, "Text": features.Text,
              "ClassLabel": lambda: features.ClassLabel(num_classes=2)}
    info = types.SimpleNamespace(
        supervised_keys=None, features={key: makers[kind]() for key, kind in kinds.items()}
    )
    with pytest.raises(ValueError, match=f"tfds:x is no image classification data set: {message}"):
        for kind in ("Image", "ClassLabel"):
            _key("x", info, kind)


def test_one_class_is_told(tmp_path, digits, capsys):
    write_folder(tmp_path, digits)
    for split in ("train", "validation"):
        for name in NAMES[1:]:
            shutil.rmtree(tmp_path / split / name)
    assert open_source(f"folder:{tmp_path}").class_names == ("zero",)
    assert capsys.readouterr().err == (
        "folder: all images are of one class, 'zero': whatever is trained on them is right each "
        "time\n"
    )
