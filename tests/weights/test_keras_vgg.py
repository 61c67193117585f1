"""keras.applications' VGG and the zoo's with its tensors are the same function."""

from __future__ import annotations

import keras
import numpy as np

import zoo.models
import zoo.weights
from zoo.weights import names


def test_vgg16_of_keras_applications(monkeypatch):
    keras.utils.set_random_seed(7)
    # The only size: keras.applications flattens the last map, the zoo averages it to 7x7.
    theirs = keras.applications.VGG16(weights=None, classes=10, classifier_activation=None)
    rng = np.random.default_rng(7)
    for layer in theirs.layers:
        if layer.weights:
            layer.bias.assign(0.1 * rng.standard_normal(layer.bias.shape))
    monkeypatch.setattr(zoo.models.blocks, "KERNEL_INITIALIZER", "zeros")
    tensors = {w.path: keras.ops.convert_to_numpy(w) for w in theirs.weights}
    assert list(tensors)[:2] == ["block1_conv1/kernel", "block1_conv1/bias"]
    ours = zoo.weights.load_pretrained("keras:vgg16", tensors, num_classes=10)
    images = 3 * rng.standard_normal((1, 224, 224, 3)).astype("float32")
    expected, logits = (model(images, training=False).numpy() for model in (theirs, ours))
    assert np.ptp(expected) > 0.1
    assert np.abs(logits - expected).max() <= 2e-5 * np.abs(expected).max()


def test_the_two_that_keras_applications_has():
    known = [x for x in zoo.models.list_models("vgg*") if "keras" in names.sources(x)]
    assert known == ["vgg16", "vgg19"]


def test_vgg19_names_every_layer():
    layers = [f"block{b}_conv{c}" for b, count in enumerate((2, 2, 4, 4, 4), 1)
              for c in range(1, count + 1)]
    modules = {**dict.fromkeys(layers, "conv"),
               **dict.fromkeys(("fc1", "fc2", "predictions"), "dense"), "flatten": "bn"}
    named = names.sources("vgg19")["keras"].layers(modules)
    here = zoo.models.create_model("vgg19", width=0.0625).layers
    assert list(named.values()) == [x.name for x in here if x.weights]
    assert list(named) == [*layers, "fc1", "fc2", "predictions"]
