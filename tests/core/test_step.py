"""The training step under MirroredStrategy, in every combination of precision, XLA and replicas."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from trainer import MEAN, STD, Trainer, build

from zoo.core.losses import LOSSES

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_lenet_learns_in_every_combination(digits, precision, jit_compile, devices):
    trainer = Trainer(
        build("lenet5", precision), *digits, devices=devices, precision=precision,
        jit_compile=jit_compile, augment="pad_crop(1)|mixup(0.2)", smoothing=0.1,
    )
    first, _ = trainer.run(5)
    trainer.run(25)
    last, accuracy = trainer.run(10)
    assert last < 0.8 * first
    assert accuracy > 0.4
    assert int(trainer.state.step.read_value()) == 40
    assert all(value.dtype == np.float32 for value in trainer.weights().values())
    assert trainer.strategy.num_replicas_in_sync == devices


@pytest.mark.parametrize("loss", LOSSES)
def test_lenet_learns_by_every_loss(digits, loss):
    # The values of these are small, and so are their gradients.
    rate = 0.5 if loss in ("focal", "mean_squared_error", "huber") else 0.1
    trainer = Trainer(build("lenet5"), *digits, devices=1, augment="mixup(0.2)", smoothing=0.1,
                      loss=loss, rate=rate)
    first, _ = trainer.run(3)
    trainer.run(60)
    last, accuracy = trainer.run(10)
    assert last < 0.9 * first and accuracy > 0.4


@pytest.mark.parametrize(
    ("precision", "jit_compile", "devices"),
    [
        ("float32", False, 2),
        ("mixed_bfloat16", False, 1),
        ("mixed_float16", False, 2),
        ("mixed_float16", True, 2),
    ],
)
def test_small_resnet_learns(digits, precision, jit_compile, devices):
    images, labels = digits
    images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    model = build("resnet18", precision, input_shape=(32, 32, 1), width=0.125)
    trainer = Trainer(
        model, images, labels, devices=devices, precision=precision, jit_compile=jit_compile,
    )
    before = {k: v.read_value().numpy() for k, v in trainer.state.statistics.items()}
    first, _ = trainer.run(2)
    trainer.run(8)
    last, _ = trainer.run(4)
    assert last < 0.8 * first
    moved = [np.any(before[k] != v.read_value().numpy()) for k, v in
             trainer.state.statistics.items()]
    assert moved and all(moved)


def test_two_devices_do_what_one_does(digits):
    """No augmentation: its draws are a replica's own. LeNet has no batch statistics."""
    weights = []
    for devices in (1, 2):
        trainer = Trainer(build("lenet5"), *digits, devices=devices, decays={"weight_decay": 1e-3})
        trainer.run(20)
        weights.append(trainer.weights())
    for path, one in weights[0].items():
        np.testing.assert_allclose(weights[1][path], one, atol=1e-5, err_msg=path)


def test_replicas_hold_the_same_state(digits):
    images, labels = digits
    images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    model = build("resnet18", input_shape=(32, 32, 1), width=0.125)
    trainer = Trainer(model, images, labels, devices=2, augment="pad_crop(1)")
    trainer.run(3)
    state = trainer.state
    for variables in (state.weights, *state.slots.values(), state.statistics):
        for path, variable in variables.items():
            one, two = trainer.strategy.experimental_local_results(variable)
            np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=path)


def test_equals_keras_fit(digits):
    """The same steps by Keras' own fit and SGD: another implementation of the whole step."""
    images, labels = digits[0][:320], digits[1][:320]
    trainer = Trainer(build("lenet5"), images, labels, devices=1, smoothing=0.1)
    trainer.run(10)
    model = build("lenet5")
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    )
    x = (images.astype("float32") - MEAN[0]) / STD[0]
    model.fit(x, keras.utils.to_categorical(labels, 10), batch_size=32, shuffle=False, verbose=0)
    for variable in model.trainable_variables:
        np.testing.assert_allclose(
            trainer.weights()[variable.path], variable.numpy(), atol=2e-6, err_msg=variable.path
        )


def test_a_float16_overflow_changes_nothing_but_the_scale(digits):
    precision = "mixed_float16"
    trainer = Trainer(
        build("lenet5", precision), *digits, devices=2, precision=precision, rate=0.01
    )
    trainer.run(2)
    before = trainer.weights()
    trainer.state.loss_scale.assign(2.0**60)
    trainer.run(1)
    for path, value in trainer.weights().items():
        np.testing.assert_array_equal(value, before[path], err_msg=path)
    assert float(trainer.state.loss_scale.read_value()) == 2.0**59
    assert int(trainer.state.finite_steps.read_value()) == 0
    trainer.state.loss_scale.assign(2.0**10)
    trainer.run(1)
    assert any(np.any(value != before[path]) for path, value in trainer.weights().items())


def test_randomness_is_a_function_of_seed_and_step(digits):
    """Augmentation and dropout: equal steps are equal to the bit, the next step is another."""
    ends = []
    for steps in ([6], [1, 2, 3], [2, 4]):
        trainer = Trainer(
            build("lenet5", dropout=0.5), *digits, devices=1, augment="pad_crop(2)|mixup(0.2)"
        )
        for count in steps:
            trainer.run(count)
        ends.append(trainer.weights())
    for path, value in ends[0].items():
        np.testing.assert_array_equal(ends[1][path], value, err_msg=path)
        np.testing.assert_array_equal(ends[2][path], value, err_msg=path)


def test_dropout_differs_from_step_to_step(digits):
    """At learning rate 0 only the masks change: the losses of one repeated batch differ."""
    one_batch = digits[0][:32], digits[1][:32]
    trainer = Trainer(build("lenet5", dropout=0.5), *one_batch, devices=1, rate=1e-30)
    losses = {float(trainer.run(1)[0]) for _ in range(5)}
    assert len(losses) == 5
    still = Trainer(build("lenet5"), *one_batch, devices=1, rate=1e-30)
    assert len({float(still.run(1)[0]) for _ in range(5)}) == 1


def test_forward_is_inference(digits):
    """Batch-norm by moving statistics, no dropout: equal to the Keras model's own call."""
    images = np.pad(digits[0][:8], ((0, 0), (2, 2), (2, 2), (0, 0)))
    model = build("resnet18", input_shape=(32, 32, 1), width=0.125, dropout=0.5)
    trainer = Trainer(model, images, digits[1][:8], devices=1, batch_size=8)
    trainer.run(3)
    state = {**trainer.state.weights, **trainer.state.statistics}
    for variable in model.variables:
        if variable.path in state:
            variable.assign(state[variable.path].read_value())
    expected = model((images.astype("float32") - MEAN[0]) / STD[0], training=False)
    np.testing.assert_allclose(
        trainer.forward(tf.constant(images)).numpy(), expected.numpy(), rtol=1e-4, atol=1e-5
    )
