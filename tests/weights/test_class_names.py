"""ImageNet's classes in the networks' order, and predictions told in their names."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.weights.class_names import IMAGENET, decode_predictions


def test_the_classes_are_imagenets_in_the_usual_order():
    ids, names = zip(*IMAGENET, strict=True)
    assert len(set(ids)) == len(set(names)) == 1000
    assert list(ids) == sorted(ids)  # that order is by WordNet id
    for index, wnid, name in [
        (0, "n01440764", "tench"), (134, "n02012849", "crane bird"),
        (207, "n02099601", "golden retriever"), (281, "n02123045", "tabby"),
        (340, "n02391049", "zebra"), (404, "n02690373", "airliner"),
        (517, "n03126707", "crane"), (817, "n04285008", "sports car"),
        (999, "n15075141", "toilet tissue"),
    ]:
        assert IMAGENET[index] == (wnid, name)


def test_the_likeliest_come_first():
    probabilities = np.zeros((2, 1000), "float32")
    probabilities[0, [340, 281, 0]] = 0.5, 0.3, 0.2
    probabilities[1, 404] = 1
    zebra, plane = decode_predictions(probabilities, top=3)
    assert [(wnid, name) for wnid, name, _ in zebra] == [
        ("n02391049", "zebra"), ("n02123045", "tabby"), ("n01440764", "tench")
    ]
    assert [value for _, _, value in zebra] == pytest.approx([0.5, 0.3, 0.2])
    assert plane[0] == ("n02690373", "airliner", 1.0)
    assert len(decode_predictions(probabilities)[0]) == 5


def test_other_classes_have_their_index_as_id():
    found = decode_predictions([[0.1, 0.7, 0.2]], top=2, class_names=["cat", "dog", "zebra"])
    assert found == [[(1, "dog", 0.7), (2, "zebra", 0.2)]]


@pytest.mark.parametrize("probabilities, options, message", [
    ([0.5, 0.5], {}, r"got probabilities of shape \(2,\); expected \[batch, num_classes\]"),
    ([[0.5, 0.5]], {}, "got probabilities of 2 classes; expected 1000, which ImageNet has"),
    ([[1.0]], {"class_names": ["a", "b"]}, "expected 2, which class_names are"),
    ([[0.5, 0.5]], {"class_names": ["a", "b"]}, "got top=5; expected a number from 1 to 2"),
    ([[-1.0, 2.0]], {"class_names": ["a", "b"], "top": 1},
     "got values from -1 to 2 .*, apply softmax"),
    ([[0.4, 0.5]], {"class_names": ["a", "b"], "top": 1}, "sums of rows from 0.9 to 0.9"),
    ([[float("nan"), 1.0]], {"class_names": ["a", "b"], "top": 1}, "expected probabilities"),
])
def test_what_are_no_probabilities(probabilities, options, message):
    with pytest.raises(ValueError, match=message):
        decode_predictions(np.array(probabilities), **options)


def test_half_precision_sums_to_one():
    probabilities = np.full((1, 1000), 1 / 1000, "float16")
    assert len(decode_predictions(probabilities)[0]) == 5
