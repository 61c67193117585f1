"""The first half of a step alone: what is differentiated, and by what it is divided."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.core.gradients import Settings, make_differentiate

SETTINGS = Settings(
    num_classes=3, mean=(10.0,), std=(4.0,), batch_size=8, seed=0, scales_loss=False,
    jit_compile=False,
)
IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 1, 1, 1)).astype(np.float32)
LABELS = np.array([[1, 0, 0], [0, 0.25, 0.75], [0, 1, 0], [0.5, 0.5, 0]], np.float32)
KERNEL = "logits/kernel"


@pytest.fixture(scope="module")
def linear() -> keras.Model:
    """logits = image * kernel, of one pixel."""
    inputs = keras.Input((1, 1, 1))
    x = keras.layers.Dense(3, use_bias=False, name="logits")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, x)


def differentiate(model, loss_scale=1.0, kernel=((0.1, -0.2, 0.3),), **changes):
    return make_differentiate(model, dataclasses.replace(SETTINGS, **changes))(
        {KERNEL: tf.constant(kernel)}, {},
        {"images": tf.constant(IMAGES), "labels": tf.constant(LABELS)},
        tf.constant(5, tf.int64), tf.constant(1, tf.int64), tf.constant(loss_scale),
    )


def closed_form(weights=1.0):
    """(sums, gradient) in float64 for labels that are not smoothed."""
    x = (IMAGES.astype(np.float64).reshape(4, 1) - 10) / 4
    z = x @ np.array([[0.1, -0.2, 0.3]])
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    losses = -(LABELS * np.log(p)).sum(1) * weights
    right = (z.argmax(1) == LABELS.argmax(1)).sum()
    # Over the images of all replicas: 8, of which these are 4.
    return [losses.sum(), right, 4], x.T @ ((p - LABELS) * np.reshape(weights, (-1, 1))) / 8


@pytest.mark.parametrize("micro_batches", [1, 2, 4])
def test_closed_form(linear, micro_batches):
    sums, gradients, statistics = differentiate(linear, micro_batches=micro_batches)
    want_sums, want = closed_form()
    np.testing.assert_allclose(sums, want_sums, rtol=1e-5)
    np.testing.assert_allclose(gradients[KERNEL], want, rtol=1e-5)
    assert set(gradients) == {KERNEL} and statistics == {}


def test_class_weights_are_mixed_as_the_labels_are(linear):
    sums, gradients, _ = differentiate(linear, class_weights=(2.0, 1.0, 3.0))
    want_sums, want = closed_form(weights=np.array([2, 0.25 + 0.75 * 3, 1, 1.5]))
    np.testing.assert_allclose(sums, want_sums, rtol=1e-5)
    np.testing.assert_allclose(gradients[KERNEL], want, rtol=1e-5)


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_scaling_the_loss_changes_no_gradient(linear, micro_batches):
    """But for what would be too large: gradients are taken of the scaled loss."""
    sums, gradients, _ = differentiate(
        linear, 2.0**15, scales_loss=True, micro_batches=micro_batches
    )
    want_sums, want = closed_form()
    np.testing.assert_allclose(sums, want_sums, rtol=1e-5)
    np.testing.assert_allclose(gradients[KERNEL], want, rtol=1e-5)
    _, gradients, _ = differentiate(linear, 1e38, scales_loss=True, micro_batches=micro_batches)
    assert not np.isfinite(gradients[KERNEL]).all()


def test_the_right_ones_are_told_by_the_mixed_label(linear):
    for kernel, right in (((1.0, 0.0, 0.0), 2), ((0.0, 1.0, 0.0), 1), ((0.0, 0.0, 1.0), 1)):
        # Of equal shares the first class counts.
        sums, *_ = differentiate(linear, kernel=(kernel,), mean=(-1000.0,))
        assert float(sums[1]) == right
