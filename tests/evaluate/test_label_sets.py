"""Sets with some of a network's classes, and other labels for the same images."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from photographs import write_photographs

import zoo
from zoo.core.runtime import make_strategy
from zoo.data import open_source
from zoo.data.splits import ArraySplit, FileSplit
from zoo.data.views import Views
from zoo.evaluate.label_sets import (
    Match,
    image_names,
    match_classes,
    read_real,
    right_among,
    top_classes,
)
from zoo.evaluate.several_views import evaluate_views, with_less_memory
from zoo.weights.class_names import IMAGENET

NAMES = tuple(name for _, name in IMAGENET)
DIGITS = tuple("0123456789")


@pytest.mark.parametrize("names, num_classes, class_names, want", [
    (("n03877845", "n11939491"), 1000, NAMES, Match((698, 985), "WordNet id")),
    (("palace", "daisy"), 1000, NAMES, Match((698, 985), "name")),
    (("10", "2", "999"), 1000, NAMES, Match((10, 2, 999), "number")),  # ImageNet-V2's order
    (("10", "2", "999"), 1000, None, Match((10, 2, 999), "number")),
    (("7", "3"), 10, DIGITS, Match((7, 3), "name")),
    (("c", "b"), 3, ("a", "b", "c"), Match((2, 1), "name")),
    (("x", "y", "z"), 3, ("a", "b", "c"), Match((0, 1, 2), "place")),
])
def test_classes_are_found(names, num_classes, class_names, want):
    assert match_classes(names, num_classes, class_names) == want


@pytest.mark.parametrize("names, class_names, part", [
    (("n03877845", "n99999999"), NAMES, "got 2 classes, among them 'n99999999'; expected the"),
    (("3", "1000"), NAMES, "among them '1000'; expected the model's 1000, or some of them by name"),
    (("palace", "castle or so"), None, "'palace'; expected the model's 1000, or some of them by n"),
])
def test_classes_that_the_model_does_not_have(names, class_names, part):
    with pytest.raises(ValueError, match="^--data: ") as told:
        match_classes(names, 1000, class_names)
    assert part in str(told.value)


def test_names_of_images():
    def names(*paths):
        return image_names(FileSplit(np.array(paths, object), np.zeros(len(paths), np.int32)))

    assert names("/d/v/a/1.png", "/d/v/b/1.png") == ("a/1.png", "b/1.png")
    assert names("/d/v/a/1.png", "/d/v/a/2.png") == ("1.png", "2.png")
    assert names("/d/1.png", "/d/v/a/2.png") == ("1.png", "v/a/2.png")
    assert image_names(ArraySplit(np.zeros((3, 2, 2, 1), np.uint8), np.zeros(3))) == tuple("012")


def test_labels_of_imagenet_real(tmp_path):
    """By the number in the name of the file, wherever it lies."""
    folder = write_photographs(tmp_path / "a", by=1, numbered=True)
    source = open_source(f"folder:{folder}", only="validation", cache_mb=0)
    path = tmp_path / "real.json"
    path.write_text(json.dumps([[457, 652], [], [3], [1]]))
    real = read_real(path, image_names(source.splits["validation"]), 1000)
    assert real == [{457, 652}, set(), {3}]


def test_some_of_the_classes():
    """Digits 7 and 3 alone: the softmax is over these two."""
    model = zoo.create_model("lenet5", weights="mnist")
    whole = open_source("mnist5k").splits["validation"]
    rows = np.flatnonzero(np.isin(whole.labels, (3, 7)))[::5]
    some = ArraySplit(whole.images[rows], np.where(whole.labels[rows] == 7, 0, 1).astype(np.int32))
    images = model.preprocessing
    found = evaluate_views(make_strategy(), model, some, Views("centre", (28,)), mean=images.mean,
                           std=images.std, classes=(7, 3))
    logits = model.predict_on_batch(zoo.preprocess_input(some.images, model))[:, [7, 3]]
    np.testing.assert_allclose(np.diff(found.logits), np.diff(logits), atol=1e-4)
    np.testing.assert_allclose(np.exp(found.logits).sum(1), 1, atol=1e-5)
    assert found.top_1 > 0.95


def test_right_by_hand():
    logits = np.array([[3, 2, 1], [1, 2, 3], [np.nan, 1, 2]], np.float32)
    real = [frozenset({12}), frozenset({12}), frozenset({12})]
    assert right_among(logits, (10, 11, 12), real, 1).tolist() == [False, True, False]
    assert right_among(logits, (10, 11, 12), real, 3).tolist() == [True, True, False]
    assert right_among(logits, (10, 11, 12), [frozenset()] * 3, 1).tolist() == []
    assert top_classes(logits[:2], 5).tolist() == [[0, 1, 2], [2, 1, 0]]


@pytest.mark.parametrize("text, image, part", [
    ("[[1], [2]", "ILSVRC2012_val_00000001.JPEG", "is no JSON"),
    ('{"a": 1}', "ILSVRC2012_val_00000001.JPEG", "has another form than ImageNet-ReaL's"),
    ("[[1], [1000]]", "ILSVRC2012_val_00000001.JPEG", "a list of classes from 0 to 999"),
    ("[[1], [2]]", "ILSVRC2012_val_00000003.JPEG", "labels for 2 images by their number; got an"),
    ("[[1], [2]]", "0", "got an image '0'; expected names as ILSVRC2012_val_00000001.JPEG"),
])
def test_labels_that_cannot_be_read(tmp_path, text, image, part):
    path = tmp_path / "real.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="^--labels: ") as told:
        read_real(path, [image], 1000)
    assert part in str(told.value)


def allocate(size: int) -> int:
    """As TensorFlow answers where `size` is above 8; it waits 10 s before it does."""
    if size > 8:
        raise tf.errors.ResourceExhaustedError(None, None, f"OOM when allocating [{size}]")
    return size


def test_a_batch_without_memory_is_halved_and_told_once(capsys):
    assert with_less_memory(allocate, 61) == 8
    assert capsys.readouterr().err == (
        "no memory for batches of 61 images: these are batches of 8\n"
    )
    assert with_less_memory(allocate, 40, 3) == 6 and with_less_memory(allocate, 7, 4) == 8
    assert capsys.readouterr().err == (
        "no memory for batches of 42 images: these are batches of 6\n"
    )
    with pytest.raises(tf.errors.ResourceExhaustedError):
        with_less_memory(allocate, 40, 16)
