"""Activations that are computed twice: the same numbers, a model in segments."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from trainer import MEAN, STD, build

import zoo
from zoo.core.gradients import Settings, make_differentiate
from zoo.core.recompute import segments


def differentiated(model, images, labels, *, recompute, jit_compile=False):
    settings = Settings(
        num_classes=10, mean=MEAN, std=STD, batch_size=len(images), seed=0, scales_loss=False,
        jit_compile=jit_compile, recompute=recompute,
    )
    weights = {v.path: tf.constant(v.value) for v in model.trainable_variables}
    floats = [v for v in model.non_trainable_variables if "seed_generator" not in v.path]
    statistics = {v.path: tf.constant(v.value) for v in floats}
    call = tf.function(
        make_differentiate(model, settings), jit_compile=jit_compile or None, autograph=False
    )
    batch = {"images": tf.cast(images, tf.float32), "labels": tf.one_hot(labels, 10)}
    step, replica = tf.constant(5, tf.int64), tf.constant(1, tf.int64)
    return call(weights, statistics, batch, step, replica, tf.constant(1.0))


@pytest.mark.parametrize("precision, jit_compile", [("float32", False), ("mixed_bfloat16", True)])
def test_gradients_sums_and_statistics_are_the_same(digits, precision, jit_compile):
    """With dropped branches and values: the second time the same ones are dropped."""
    images, labels = np.pad(digits[0][:8], ((0, 0), (2, 2), (2, 2), (0, 0))), digits[1][:8]
    model = build("resnet18", precision, input_shape=(32, 32, 1), width=0.125, dropout=0.3,
                  stochastic_depth=0.5)
    plain, again = (
        differentiated(model, images, labels, recompute=recompute, jit_compile=jit_compile)
        for recompute in (False, True)
    )
    rtol = 1e-4 if precision == "float32" else 0.05
    for one, two in zip(tf.nest.flatten(plain), tf.nest.flatten(again), strict=True):
        size = float(np.abs(one).max())
        np.testing.assert_allclose(two, one, rtol=rtol, atol=rtol * size)


@pytest.mark.parametrize("name", ["resnet26d", "mobilenet_v3_small_100", "vgg11"])
def test_segments_are_the_model(name):
    model = zoo.create_model(name, input_shape=(64, 64, 3), num_classes=5)
    parts = segments(model)
    assert len(parts) > 3
    names = [layer.name for part in parts for layer in part.layers
             if not isinstance(layer, keras.layers.InputLayer)]
    whole = [layer.name for layer in model.layers[1:]]
    assert sorted(names) == sorted(whole)  # each layer once
    weights = [v.path for part in parts for v in part.trainable_variables]
    assert sorted(weights) == sorted(v.path for v in model.trainable_variables)
    values = {v.path: v for v in model.variables}
    for variable in (v for part in parts for v in part.variables if v.path in values):
        variable.assign(values[variable.path])
    images = x = tf.random.stateless_uniform([2, 64, 64, 3], [0, 1])
    for part in parts:
        x = part(x, training=False)
    np.testing.assert_allclose(x, model(images, training=False), rtol=1e-4, atol=1e-5)


def test_refusals():
    two = zoo.create_model("googlenet_bn", aux_heads=True, width=0.1, num_classes=5)
    with pytest.raises(ValueError, match="with several outputs; expected one"):
        segments(two)
