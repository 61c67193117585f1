"""The optimizer against its documented formula in float64, and against Keras' own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.train.optimizer import nesterov

SHAPES = {"conv/kernel": (3, 3, 2, 4), "dense/kernel": (5, 4), "dense/bias": (4,),
          "norm/gamma": (4,), "scale": ()}
STEPS = 10
RATE = 0.3


def draw(seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        name: np.asarray(generator.normal(size=shape), np.float32)
        for name, shape in SHAPES.items()
    }


WEIGHTS, GRADIENTS = draw(0), [draw(1 + step) for step in range(STEPS)]
RATES = [RATE * (1 - step / STEPS) for step in range(STEPS)]


def tensors(arrays):
    return {name: tf.constant(array) for name, array in arrays.items()}


def run(update):
    weights = tensors(WEIGHTS)
    momenta = {name: tf.zeros_like(weight) for name, weight in weights.items()}
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        weights, momenta = update(weights, momenta, tensors(gradients), tf.constant(rate))
    return weights, momenta


def formula(momentum, weight_decay, decays):
    """The docstring's three lines, in float64."""
    weights = {name: weight.astype(np.float64) for name, weight in WEIGHTS.items()}
    momenta = {name: np.zeros_like(weight) for name, weight in weights.items()}
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        for name, w in weights.items():
            g = gradients[name] + (weight_decay * w if decays(w) else 0)
            momenta[name] = momentum * momenta[name] - rate * g
            weights[name] = w + momentum * momenta[name] - rate * g
    return weights, momenta


def assert_same(got, want, atol=1e-6):
    assert set(got) == set(want) == set(SHAPES)
    for name, value in want.items():
        assert got[name].shape == SHAPES[name] and got[name].dtype == tf.float32
        np.testing.assert_allclose(got[name], value, rtol=1e-6, atol=atol, err_msg=name)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("bias_decay", [False, True])
@pytest.mark.parametrize(
    "momentum, weight_decay", [(0.9, 0.1), (0.0, 0.1), (0.9, 0.0), (0.5, 1e-4)]
)
def test_ten_steps_of_the_formula(momentum, weight_decay, bias_decay, jit_compile):
    update = tf.function(
        nesterov(momentum=momentum, weight_decay=weight_decay, bias_decay=bias_decay),
        jit_compile=jit_compile,
    )
    weights, momenta = run(update)
    want = formula(momentum, weight_decay, lambda w: bias_decay or w.ndim > 1)
    assert_same(weights, want[0])
    assert_same(momenta, want[1])


@pytest.mark.parametrize("momentum", [0.9, 0.5])
def test_it_is_keras_sgd_on_the_gradient_of_the_penalised_loss(momentum):
    weight_decay = 0.05
    variables = {name: keras.Variable(weight, name="v") for name, weight in WEIGHTS.items()}
    optimizer = keras.optimizers.SGD(RATE, momentum=momentum, nesterov=True)
    for gradients, rate in zip(GRADIENTS, RATES, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([
            tf.constant(gradients[name]) + weight_decay * variable.value
            for name, variable in variables.items()
        ], list(variables.values()))
    weights, _ = run(nesterov(momentum=momentum, weight_decay=weight_decay, bias_decay=True))
    assert_same(weights, {name: variable.numpy() for name, variable in variables.items()})


def one_step(**settings):
    """Weights of 1, gradients of 0, rate 1: what is left is decay."""
    ones = {name: tf.ones(shape) for name, shape in SHAPES.items()}
    zeros = {name: tf.zeros(shape) for name, shape in SHAPES.items()}
    return nesterov(**settings)(ones, zeros, zeros, tf.constant(1.0))


def test_only_kernels_decay():
    weights, momenta = one_step(momentum=0.0, weight_decay=0.25, bias_decay=False)
    for name, shape in SHAPES.items():
        kept = 0.75 if len(shape) > 1 else 1.0
        np.testing.assert_array_equal(weights[name], np.full(shape, kept, np.float32))
        np.testing.assert_array_equal(momenta[name], np.full(shape, kept - 1, np.float32))


def test_all_decay_with_bias_decay():
    weights, _ = one_step(momentum=0.0, weight_decay=0.25, bias_decay=True)
    for name, shape in SHAPES.items():
        np.testing.assert_array_equal(weights[name], np.full(shape, 0.75, np.float32))


def test_nesterov_looks_ahead():
    """The first step is (1 + momentum) times as long as that of plain momentum."""
    weights, _ = one_step(momentum=0.5, weight_decay=0.25, bias_decay=True)
    np.testing.assert_array_equal(weights["dense/bias"], np.full(4, 1 - 1.5 * 0.25, np.float32))


def test_rate_zero_moves_nothing():
    update = nesterov(momentum=0.9, weight_decay=0.1, bias_decay=True)
    zeros = {name: tf.zeros(shape) for name, shape in SHAPES.items()}
    weights, momenta = update(tensors(WEIGHTS), zeros, tensors(GRADIENTS[0]), tf.constant(0.0))
    for name, weight in WEIGHTS.items():
        np.testing.assert_array_equal(weights[name], weight)
        np.testing.assert_array_equal(np.abs(momenta[name]), 0)
