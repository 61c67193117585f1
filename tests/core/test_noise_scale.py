"""The gradient noise scale, from squared norms of a step's gradients to estimates."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from trainer import MEAN, STD, Trainer

from zoo.core.noise_scale import noise_estimates

ROWS = 16
IMAGES = np.random.default_rng(1).integers(0, 256, [ROWS, 4, 4, 1], np.uint8)
LABELS = np.arange(ROWS, dtype=np.int32) % 10


def linear() -> keras.Model:
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    inputs = keras.Input((4, 4, 1))
    return keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Flatten()(inputs)))


def squared_norm_by_hand(weights, rows) -> float:
    """Of softmax regression's mean gradient over the rows, float64."""
    kernel, bias = (np.float64(v.value) for v in weights)
    x = (IMAGES[rows].reshape(-1, 16) - np.float64(MEAN[0])) / np.float64(STD[0])
    p = np.exp(x @ kernel + bias)
    wrong = p / p.sum(1, keepdims=True) - np.eye(10)[LABELS[rows]]
    return np.sum((x.T @ wrong / len(x)) ** 2) + np.sum(wrong.mean(0) ** 2)


@pytest.mark.parametrize("devices, micro_batches, jit_compile", [(1, 4, True), (2, 2, False)])
def test_the_sums_of_a_step(devices, micro_batches, jit_compile):
    model = linear()
    trainer = Trainer(
        model, IMAGES, LABELS, devices=devices, micro_batches=micro_batches, batch_size=ROWS,
        jit_compile=jit_compile, noise_scale=True,
    )
    sums = trainer.call(trainer.iterator, tf.constant(1, tf.int64)).numpy()
    weights = model.trainable_variables  # those of the start: the run's are in its state
    small = np.mean([
        squared_norm_by_hand(weights, slice(first, first + 4)) for first in range(0, ROWS, 4)
    ])
    big = squared_norm_by_hand(weights, slice(ROWS))
    assert sums[2] == ROWS and small > big
    np.testing.assert_allclose(sums[3:], [small, big, np.sqrt(big)], rtol=1e-4)


def test_the_estimates_are_unbiased():
    """Gradients of an image from a normal distribution of known mean and covariance."""
    generator = np.random.default_rng(0)
    mean, deviations = np.array([1.0, -0.5, 0.25]), np.array([1.0, 2.0, 3.0])
    gradients = mean + deviations * generator.normal(size=(40_000, 4, 8, 3))  # steps, parts, rows
    parts = gradients.mean(2)
    small, big = np.mean(np.sum(parts**2, -1)), np.mean(np.sum(parts.mean(1) ** 2, -1))
    found = noise_estimates(small, big, small_batch=8, big_batch=32)
    assert found["noise_signal"] == pytest.approx(np.sum(mean**2), rel=0.02)
    assert found["noise_trace"] == pytest.approx(np.sum(deviations**2), rel=0.02)
    assert found["noise_scale"] == found["noise_trace"] / found["noise_signal"]


def test_no_scale_where_no_signal_is_seen():
    found = noise_estimates(4.0, 1.0, small_batch=1, big_batch=4)
    assert found == {"noise_signal": 0.0, "noise_trace": 4.0}
    assert noise_estimates(np.inf, 1.0, small_batch=1, big_batch=4) == {}
