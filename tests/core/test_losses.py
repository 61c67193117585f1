"""Label smoothing and cross-entropy against NumPy in float64."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.core.losses import LOSSES, make_loss, smooth_labels, softmax_cross_entropy


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


def softmax(logits) -> np.ndarray:
    exp = np.exp(logits - logits.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


def in_numpy(spec: str, labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """float64 [B], from the definitions."""
    p, gap = softmax(logits), np.abs(softmax(logits) - labels)
    sigmoid = 1 / (1 + np.exp(-logits))
    return {
        "cross_entropy": -(labels * np.log(p)).sum(1),
        "binary_cross_entropy":
            -(labels * np.log(sigmoid) + (1 - labels) * np.log(1 - sigmoid)).mean(1),
        "binary_cross_entropy(threshold=0.2)":
            -np.where(labels > 0.2, np.log(sigmoid), np.log(1 - sigmoid)).mean(1),
        "focal": -0.25 * (labels * (1 - p) ** 2 * np.log(p)).sum(1),
        "focal(gamma=0.5, alpha=1)": -(labels * (1 - p) ** 0.5 * np.log(p)).sum(1),
        "mean_squared_error": (gap**2).mean(1),
        "huber": np.where(gap <= 0.5, gap**2 / 2, 0.5 * (gap - 0.25)).mean(1),
        "huber(delta=0.1)": np.where(gap <= 0.1, gap**2 / 2, 0.1 * (gap - 0.05)).mean(1),
        "kullback_leibler":
            (labels * (np.log(np.maximum(labels, 1e-300)) - np.log(p))).sum(1),
    }[spec]


SPECS = ("cross_entropy", "binary_cross_entropy", "binary_cross_entropy(threshold=0.2)",
         "focal", "focal(gamma=0.5, alpha=1)", "mean_squared_error", "huber", "huber(delta=0.1)",
         "kullback_leibler")
# Keras' own, of probabilities where it takes no logits.
IN_KERAS = {
    "cross_entropy": (keras.losses.CategoricalCrossentropy(from_logits=True, reduction=None), None),
    "binary_cross_entropy":
        (keras.losses.BinaryCrossentropy(from_logits=True, reduction=None), None),
    "focal": (keras.losses.CategoricalFocalCrossentropy(from_logits=True, reduction=None), None),
    "mean_squared_error": (keras.losses.MeanSquaredError(reduction=None), tf.nn.softmax),
    "huber": (keras.losses.Huber(delta=0.5, reduction=None), tf.nn.softmax),
    "kullback_leibler": (keras.losses.KLDivergence(reduction=None), tf.nn.softmax),
}


@pytest.fixture(scope="module")
def batch():
    """Labels one-hot, smoothed and mixed, float32 [60,11], and logits."""
    generator = np.random.default_rng(5)
    one_hot = np.eye(11)[generator.integers(0, 11, 20)]
    labels = np.concatenate([one_hot, 0.9 * one_hot + 0.1 / 11,
                             0.3 * one_hot + 0.7 * one_hot[::-1]])
    return labels.astype(np.float32), generator.normal(0, 2, (60, 11)).astype(np.float32)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("spec", SPECS)
def test_losses_are_their_definitions(batch, spec, jit_compile):
    labels, logits = batch
    loss = tf.function(make_loss(spec), jit_compile=jit_compile)(labels, logits)
    assert loss.shape == (60,) and loss.dtype == tf.float32
    want = in_numpy(spec, labels.astype(np.float64), logits.astype(np.float64))
    np.testing.assert_allclose(loss, want, rtol=1e-6, atol=5e-7)


@pytest.mark.parametrize("spec", SPECS)
def test_ten_steps_lead_to_the_same_numbers(batch, spec):
    """Gradient descent on the logits, against central differences of the definition in float64."""
    labels, logits = batch
    ours = tf.Variable(logits)
    wanted, shares = logits.astype(np.float64), labels.astype(np.float64)
    for _ in range(10):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(make_loss(spec)(labels, ours))
        ours.assign_sub(tape.gradient(loss, ours))
        nudges = 1e-6 * np.eye(11)
        wanted = wanted - np.stack([
            (in_numpy(spec, shares, wanted + n) - in_numpy(spec, shares, wanted - n)) / 2e-6
            for n in nudges
        ], axis=1)
    np.testing.assert_allclose(ours, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_keras(batch, name):
    labels, logits = batch
    loss, activation = IN_KERAS[name]
    outputs = logits if activation is None else activation(logits)
    # Keras lifts each label of 0 to 1e-7, which this divergence notices: eleven times 1e-6.
    atol = 2e-5 if name == "kullback_leibler" else 2e-6
    np.testing.assert_allclose(
        make_loss(name)(labels, logits), loss(labels, outputs), rtol=1e-5, atol=atol
    )


@pytest.mark.parametrize("spec", SPECS)
def test_sure_and_wrong_logits_have_finite_losses_and_gradients(spec):
    logits = tf.constant([[200.0, 0.0, -200.0], [-1e4, 0.0, 1e4], [0.0, 0.0, 0.0]], tf.float16)
    for labels in (tf.one_hot([0, 0, 1], 3), tf.one_hot([2, 2, 2], 3)):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = make_loss(spec)(labels, logits)
        assert losses.dtype == tf.float32
        assert np.isfinite(losses).all() and np.isfinite(tape.gradient(losses, logits)).all()


@pytest.mark.parametrize(("spec", "part"), [
    ("hinge", "got loss 'hinge'; expected one of ['binary_cross_entropy', 'cross_entropy', "),
    ("focal(-1)", "got gamma=-1; expected 0 or more"),
    ("focal(alpha=0)", "focal: got alpha=0; expected a number over 0"),
    ("focal(alpha='a')", "focal: got alpha='a'; expected a number over 0"),
    ("huber(delta=None)", "huber: got delta=None; expected a number in (0, 1)"),
    ("math:gcd(4, 6)", "loss math:gcd(4, 6): got int; expected a function that returns a function"),
    ("focal(gamma='two')", "got gamma='two'; expected 0 or more"),
    ("huber(1)", "got delta=1; expected a number in (0, 1)"),
    ("cross_entropy(1)", "loss cross_entropy: too many positional arguments"),
    ("", "got ''; expected one name or call"),
])
def test_losses_that_cannot_be(spec, part):
    with pytest.raises(ValueError) as error:
        make_loss(spec)
    assert part in str(error.value) and "\n" not in str(error.value)
