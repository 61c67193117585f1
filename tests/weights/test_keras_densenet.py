"""keras.applications' DenseNet and the zoo's with its tensors are the same function."""

from __future__ import annotations

import keras
import numpy as np

import zoo.models
import zoo.weights
from zoo.weights import names


def test_densenet121_of_keras_applications(monkeypatch):
    keras.utils.set_random_seed(7)
    shape = (64, 96, 3)
    theirs = keras.applications.DenseNet121(
        weights=None, input_shape=shape, classes=10, classifier_activation=None
    )
    rng = np.random.default_rng(7)
    for layer in theirs.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            channels = layer.gamma.shape
            layer.set_weights([
                rng.uniform(0.6, 1.4, channels), 0.1 * rng.standard_normal(channels),
                0.1 * rng.standard_normal(channels), rng.uniform(0.5, 1.5, channels),
            ])  # fmt: skip
    monkeypatch.setattr(zoo.models.blocks, "KERNEL_INITIALIZER", "zeros")
    tensors = {w.path: keras.ops.convert_to_numpy(w) for w in theirs.weights}
    assert list(tensors)[:2] == ["conv1_conv/kernel", "conv1_bn/gamma"]
    ours = zoo.weights.load_pretrained(
        "keras:densenet121", tensors, input_shape=shape, num_classes=10
    )
    images = rng.standard_normal((2, *shape)).astype("float32")
    expected, logits = (model(images, training=False).numpy() for model in (theirs, ours))
    assert np.ptp(expected) > 0.1
    assert np.abs(logits - expected).max() <= 2e-5 * np.abs(expected).max()


def test_the_three_that_keras_applications_has():
    known = [x for x in zoo.models.list_models("densenet*") if "keras" in names.sources(x)]
    assert known == ["densenet121", "densenet169", "densenet201"]
