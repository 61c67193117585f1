"""The fused batch normalisation against the closed form in float64, and the swap against Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from trainer import Trainer

import zoo
from zoo.core.batch_norm import (
    FusedBatchNormalization,
    with_fused_batch_norm,
    with_synchronized_batch_norm,
)

EPSILON, MOMENTUM = 1e-5, 0.9
# Of what is computed in a type: a few of its last digits.
TOLERANCE = {"float32": 1e-5, "mixed_bfloat16": 2e-2, "mixed_float16": 2e-3}


def closed_form(x, gamma, beta, moving_mean, moving_variance, training):
    """(outputs, moving mean, moving variance) in float64; the variance is over n, as in Keras."""
    if not training:
        mean, variance = moving_mean, moving_variance
    else:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        moving_mean = MOMENTUM * moving_mean + (1 - MOMENTUM) * mean
        moving_variance = MOMENTUM * moving_variance + (1 - MOMENTUM) * variance
    outputs = (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta
    return outputs, moving_mean, moving_variance


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("precision", TOLERANCE)
def test_closed_form(precision, training, affine, jit_compile):
    random = np.random.default_rng(1)
    x = random.normal(3, 2, [5, 6, 7, 4])
    gamma, beta = (random.normal(1, 1, [2, 4]) if affine else (np.ones(4), np.zeros(4)))
    mean, variance = random.normal(size=4), random.uniform(1, 4, 4)
    layer = FusedBatchNormalization(
        momentum=MOMENTUM, epsilon=EPSILON, center=affine, scale=affine, dtype=precision
    )
    layer.build(x.shape)
    layer.set_weights([*([gamma, beta] if affine else []), mean, variance])

    @tf.function(jit_compile=jit_compile)
    def call(x):
        trainable = [v.value for v in layer.trainable_variables]
        outputs, statistics = layer.stateless_call(
            trainable, [v.value for v in layer.non_trainable_variables], x, training=training
        )
        return outputs, statistics

    x = tf.cast(x, layer.compute_dtype)
    outputs, statistics = call(x)
    assert outputs.dtype == layer.compute_dtype
    expected = closed_form(
        tf.cast(x, tf.float64).numpy(), gamma, beta, mean, variance, training
    )
    scale = np.abs(expected[0]).max()
    assert np.abs(tf.cast(outputs, tf.float64) - expected[0]).max() <= TOLERANCE[precision] * scale
    for value, wanted in zip(statistics, expected[1:], strict=True):
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


def in_float64(name, **options) -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        return zoo.create_model(name, **options)
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("name", ["resnet18d", "resnet18_v2"])
@pytest.mark.parametrize("training", [False, True])
def test_a_network_is_as_exact_as_with_keras_layers(name, training):
    """Both against float64: how far float32 is off depends on the processor, 1e-6 to 1e-4."""
    keras.utils.set_random_seed(0)
    options = {"num_classes": 10, "input_shape": (32, 32, 3), "width": 0.25}
    model = zoo.create_model(name, **options)
    images = keras.random.normal([8, 32, 32, 3], seed=2)

    def differentiate(network, dtype):
        weights = [tf.cast(v.value, dtype) for v in model.trainable_variables]
        statistics = [tf.cast(v.value, dtype) for v in model.non_trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            logits, new_statistics = network.stateless_call(
                weights, statistics, tf.cast(images, dtype), training=training
            )
            loss = tf.reduce_sum(logits * tf.range(10, dtype=tf.float32))
        found = [logits, *new_statistics, *tape.gradient(loss, weights)]
        return [tf.cast(tensor, tf.float64).numpy() for tensor in found]

    exact = differentiate(in_float64(name, **options), tf.float64)

    def error(network):
        found = differentiate(network, tf.float32)
        return max(  # 0.02: some gradients are 0 but for rounding
            np.abs(a - b).max() / (np.abs(b).max() + 0.02)
            for a, b in zip(found, exact, strict=True)
        )

    theirs = error(model)
    assert theirs < 1e-3
    assert error(with_fused_batch_norm(model)) < 5 * theirs


def test_the_swap_keeps_paths_order_and_every_other_layer():
    model = zoo.create_model("resnet18d", num_classes=10, input_shape=(32, 32, 3), width=0.25)
    fused = with_fused_batch_norm(model)
    for kind in ("trainable_variables", "non_trainable_variables"):
        paths = [[variable.path for variable in getattr(m, kind)] for m in (model, fused)]
        assert paths[0] == paths[1]
    assert fused.input_shape == model.input_shape and fused.output_shape == model.output_shape
    swapped = 0
    for ours, theirs in zip(fused.layers[1:], model.layers[1:], strict=True):
        if isinstance(theirs, keras.layers.BatchNormalization):
            assert type(ours) is FusedBatchNormalization
            swapped += 1
        else:
            assert ours is theirs
    assert swapped == 22  # three in the stem, 16 in the blocks, three in shortcuts
    # The given model is as it was.
    assert not any(isinstance(layer, FusedBatchNormalization) for layer in model.layers)


def test_a_model_without_batch_norm_stays_itself():
    model = zoo.create_model("lenet5")
    assert with_fused_batch_norm(model) is model


def test_synchronized_statistics_are_those_of_the_whole_batch(digits):
    """Two replicas do what one does: the fused layer over all images is the reference."""
    images, labels = np.pad(digits[0][:32], ((0, 0), (2, 2), (2, 2), (0, 0))), digits[1][:32]
    ends = []
    for devices, swap in ((1, with_fused_batch_norm), (2, with_synchronized_batch_norm)):
        keras.utils.set_random_seed(0)
        model = swap(zoo.create_model(
            "resnet18", num_classes=10, input_shape=(32, 32, 1), width=0.125
        ))
        trainer = Trainer(
            model, images, labels, devices=devices, optimizer="sgd", rate=1e-3,
            sync_bn=devices > 1,
        )
        before = trainer.weights()
        trainer.run(1)
        gradients = {path: (w - before[path]) / 1e-3 for path, w in trainer.weights().items()}
        ends.append(gradients | {
            path: value.read_value().numpy() for path, value in trainer.state.statistics.items()
        })
    for path, one in ends[0].items():
        # Of each tensor's size: the kernels' own roundings make as much.
        size = np.abs(one).max()
        np.testing.assert_allclose(ends[1][path], one, atol=3e-3 * size + 1e-6, err_msg=path)
