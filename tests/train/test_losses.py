"""Label smoothing and cross-entropy against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from zoo.train.losses import smooth_labels, softmax_cross_entropy


def cross_entropy(labels, logits) -> np.ndarray:
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(1, keepdims=True)
    log_softmax = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return -(np.asarray(labels, np.float64) * log_softmax).sum(1)


def test_smoothing_example():
    """0.1 over ten classes: the label keeps 0.91, each other gets 0.01."""
    smoothed = smooth_labels(tf.one_hot([2, 0], 10), 0.1).numpy()
    want = np.full((2, 10), 0.01)
    want[0, 2] = want[1, 0] = 0.91
    np.testing.assert_allclose(smoothed, want, rtol=0, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_smoothed_labels_sum_to_1(smoothing, classes):
    mixed = np.random.default_rng(0).dirichlet(np.ones(classes), 5).astype(np.float32)
    for labels in (tf.one_hot([0, 1, classes - 1], classes), tf.constant(mixed)):
        smoothed = smooth_labels(labels, smoothing)
        np.testing.assert_allclose(tf.reduce_sum(smoothed, 1), 1, rtol=0, atol=1e-5)
        assert tf.reduce_min(smoothed) >= np.float32(smoothing / classes) * 0.999
        np.testing.assert_array_equal(tf.argmax(smoothed, 1), tf.argmax(labels, 1))


def test_no_smoothing_changes_no_bit():
    labels = np.random.default_rng(0).dirichlet(np.ones(7), 5).astype(np.float32)
    np.testing.assert_array_equal(smooth_labels(tf.constant(labels), 0.0), labels)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_cross_entropy(scale, jit_compile):
    generator = np.random.default_rng(1)
    logits = (scale * generator.normal(size=(40, 11))).astype(np.float32)
    labels = generator.dirichlet(np.full(11, 0.3), 40).astype(np.float32)
    losses = tf.function(softmax_cross_entropy, jit_compile=jit_compile)(labels, logits)
    assert losses.shape == (40,) and losses.dtype == tf.float32
    np.testing.assert_allclose(losses, cross_entropy(labels, logits), rtol=1e-5, atol=1e-6)


def test_even_logits_cost_the_logarithm_of_the_classes():
    losses = softmax_cross_entropy(tf.one_hot([0, 3], 8), tf.zeros([2, 8]))
    np.testing.assert_allclose(losses, np.log(8), rtol=1e-6)


def test_large_logits_do_not_overflow():
    logits = tf.constant([[1e4, 0.0, -1e4], [-3e38, 0.0, 0.0]])
    losses = softmax_cross_entropy(tf.one_hot([1, 1], 3), logits)
    np.testing.assert_allclose(losses, [1e4, np.log(2)], rtol=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_logits_are_summed_in_float32(dtype):
    logits = tf.cast(np.linspace(-3, 3, 50).reshape(5, 10), dtype)
    labels = tf.one_hot([0, 3, 5, 7, 9], 10, dtype=dtype)
    losses = softmax_cross_entropy(labels, logits)
    assert losses.dtype == tf.float32
    want = cross_entropy(tf.cast(labels, tf.float32), tf.cast(logits, tf.float32))
    np.testing.assert_allclose(losses, want, rtol=1e-6)


def test_the_gradient_is_softmax_less_label():
    logits = tf.constant(np.random.default_rng(2).normal(size=(4, 6)), tf.float32)
    labels = smooth_labels(tf.one_hot([0, 1, 2, 3], 6), 0.1)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_sum(softmax_cross_entropy(labels, logits))
    exp = np.exp(logits.numpy().astype(np.float64))
    want = exp / exp.sum(1, keepdims=True) - labels.numpy()
    np.testing.assert_allclose(tape.gradient(loss, logits), want, rtol=0, atol=1e-6)
