"""What a step may have besides: parts of batches, averages, a teacher, auxiliary heads, weights."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from trainer import MEAN, STD, Trainer, build

import zoo
from zoo.core.averaging import OPTIMIZERS_OWN, make_average
from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.decay import Span
from zoo.core.distillation import kullback_leibler
from zoo.core.forward import make_forward
from zoo.core.gradients import Settings, make_differentiate, make_losses
from zoo.core.losses import class_weights
from zoo.core.optimizer import make_optimizer
from zoo.core.state import make_state


@pytest.mark.parametrize("devices, jit_compile", [(1, False), (2, True)])
def test_micro_batches_are_the_batch(digits, devices, jit_compile):
    """LeNet has no batch statistics: the gradient of the parts is that of the whole."""
    ends = []
    for parts in (1, 4):
        trainer = Trainer(build("lenet5"), *digits, devices=devices, jit_compile=jit_compile,
                          augment="mixup(0.2)", micro_batches=parts)
        sums = trainer.run(8)
        ends.append((sums, trainer.weights()))
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=1e-5)
    for path, value in ends[0][1].items():
        np.testing.assert_allclose(ends[1][1][path], value, atol=2e-6, err_msg=path)


def test_micro_batches_each_move_the_statistics_and_have_masks_of_their_own(digits):
    images = np.pad(digits[0][:16], ((0, 0), (2, 2), (2, 2), (0, 0)))
    model = build("resnet18", input_shape=(32, 32, 1), width=0.125, dropout=0.5)
    # Two equal halves: with equal masks the halves would be equal too.
    images, labels = np.tile(images, (2, 1, 1, 1)), np.tile(digits[1][:16], 2)
    trainer = Trainer(model, images, labels, devices=1, rate=1e-30, micro_batches=2)
    before = {k: v.read_value().numpy() for k, v in trainer.state.statistics.items()}
    trainer.run(1)
    mean = "stem_bn1/moving_mean"
    whole = Trainer(model, images, labels, devices=1, rate=1e-30)
    whole.run(1)
    once = whole.state.statistics[mean].read_value().numpy() - before[mean]
    twice = trainer.state.statistics[mean].read_value().numpy() - before[mean]
    np.testing.assert_allclose(twice, once * (1 - 0.9**2) / 0.1, rtol=1e-4, atol=1e-6)
    half = gradients_of(model, images[:16], labels[:16], micro_batches=1)
    both = gradients_of(model, images, labels, micro_batches=2)
    assert np.abs(both - half).max() > 0.01 * np.abs(half).max()


def gradients_of(model, images, labels, micro_batches) -> np.ndarray:
    settings = Settings(num_classes=10, mean=MEAN, std=STD, batch_size=len(images), seed=0,
                        scales_loss=False, jit_compile=False, micro_batches=micro_batches)
    values = {v.path: v.value for v in model.variables}
    _, gradients, _ = make_differentiate(model, settings)(
        values, values,
        {"images": tf.cast(images, tf.float32), "labels": tf.one_hot(labels, 10)},
        tf.constant(0, tf.int64), tf.constant(0, tf.int64), tf.constant(1.0),
    )
    return gradients["head_dense/kernel"].numpy()


@pytest.mark.parametrize("devices", [1, 2])
def test_averages_follow_the_weights(digits, devices):
    average = make_average("ema(0.5)", Span(100, 0, 100))
    trainer = Trainer(build("lenet5"), *digits, devices=devices, average=average)
    want = trainer.weights()
    for step in range(4):
        trainer.run(1)
        d = min(0.5, (2 + step) / (11 + step))
        want = {path: d * want[path] + (1 - d) * w for path, w in trainer.weights().items()}
    averages = {path: v.read_value().numpy() for path, v in trainer.state.averages.items()}
    assert set(averages) == set(want) | set(trainer.state.statistics)
    for path, value in want.items():
        np.testing.assert_allclose(averages[path], value, rtol=1e-5, atol=1e-6, err_msg=path)
    images = tf.constant(digits[0][:8])
    forward = make_forward(trainer.model, trainer.state, mean=MEAN, std=STD, jit_compile=False,
                           averaged=True)
    for variable in trainer.model.trainable_variables:
        variable.assign(want[variable.path])
    expected = trainer.model((digits[0][:8].astype("float32") - MEAN[0]) / STD[0])
    np.testing.assert_allclose(forward(images), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("devices, precision", [(1, "float32"), (2, "mixed_float16")])
def test_a_student_learns_from_its_teacher_alone(digits, devices, precision):
    """From labels that are all wrong, with hardly any weight: what it knows, the teacher told."""
    images, labels = digits

    def teacher(strategy):
        model = zoo.create_model("lenet5", weights="mnist", input_shape=(28, 28, 1))
        state = make_state(with_fused_batch_norm(model), strategy, scales_loss=False)
        own = model.preprocessing
        return make_forward(model, state, mean=own.mean, std=own.std, jit_compile=False)

    trainer = Trainer(
        build("lenet5", precision), images, (labels + 1) % 10, devices=devices,
        precision=precision, teacher=teacher, temperature=4.0, hard_weight=1e-3,
        augment="pad_crop(1)",
    )
    trainer.run(60)
    right = np.argmax(trainer.forward(tf.constant(images[:256])), 1) == labels[:256]
    assert right.mean() > 0.7


def test_gradient_of_distillation():
    """Against central differences in float64, and its size against that at T=1."""
    generator = np.random.default_rng(0)
    teacher, logits = generator.normal(0, 3, (2, 4, 5))

    def loss(z):  # the formula, in float64
        def log_softmax(x):
            return x - np.log(np.exp(x).sum(-1, keepdims=True))
        known = log_softmax(teacher / 20)
        return 400 * (np.exp(known) * (known - log_softmax(z / 20))).sum()

    with tf.GradientTape() as tape:
        z = tf.constant(logits, tf.float32)
        tape.watch(z)
        value = tf.reduce_sum(kullback_leibler(tf.constant(teacher, tf.float32), z, 20.0))
    got = tape.gradient(value, z).numpy()
    assert float(value) == pytest.approx(loss(logits), rel=1e-4)
    for place in np.ndindex(4, 5):
        up, down = logits.copy(), logits.copy()
        up[place] += 1e-4
        down[place] -= 1e-4
        want = (loss(up) - loss(down)) / 2e-4
        assert got[place] == pytest.approx(want, rel=1e-3, abs=2e-4)
    # At a high temperature: the difference of the logits, over the number of classes (Hinton).
    limit = (logits - logits.mean(1, keepdims=True) - teacher + teacher.mean(1, keepdims=True)) / 5
    np.testing.assert_allclose(got, limit, atol=0.25)


def losses(batch, outputs, **settings):
    made = make_losses(Settings(
        num_classes=3, mean=(0.0,), std=(1.0,), batch_size=2, seed=0, scales_loss=False,
        jit_compile=False, **settings,
    ))
    return made(
        {name: tf.constant(value, tf.float32) for name, value in batch.items()}, outputs
    ).numpy()


def test_mixup_then_smoothing_then_distillation():
    """The order of arXiv 1812.01187, by hand in float64."""
    mixed = np.array([[0.7, 0.3, 0.0], [0.0, 0.0, 1.0]])
    z, t = np.array([[1.0, 2.0, -1.0], [0.0, 0.5, 3.0]]), np.array([[2.0, 0, 1], [-1.0, 2, 0]])

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(1, keepdims=True)

    smooth = 0.9 * mixed + 0.1 / 3
    hard = -(smooth * np.log(softmax(z))).sum(1)
    soft = (softmax(t / 5) * np.log(softmax(t / 5) / softmax(z / 5))).sum(1)
    got = losses(
        {"labels": mixed, "teacher": t}, tf.constant(z, tf.float32), label_smoothing=0.1,
        temperature=5.0, hard_weight=0.25,
    )
    np.testing.assert_allclose(got, 0.25 * hard + 0.75 * 25 * soft, rtol=1e-5)


def test_auxiliary_heads_and_class_weights():
    labels = np.array([[1.0, 0, 0], [0.5, 0.5, 0]])
    outputs = {
        "logits": tf.constant([[1.0, 2, 3], [3, 2, 1]]), "aux1": tf.constant([[0.0, 0, 1]] * 2),
        "aux2": tf.constant([[5.0, 0, 0]] * 2),
    }
    each = {name: losses({"labels": labels}, x) for name, x in outputs.items()}
    got = losses({"labels": labels}, outputs, aux_weight=0.3)
    np.testing.assert_allclose(
        got, each["logits"] + 0.3 * (each["aux1"] + each["aux2"]), rtol=1e-6
    )
    np.testing.assert_allclose(losses({"labels": labels}, outputs), each["logits"], rtol=1e-6)
    got = losses({"labels": labels}, outputs, class_weights=(2.0, 4.0, 0.0))
    np.testing.assert_allclose(got, each["logits"] * (2.0, 3.0), rtol=1e-6)


def test_class_weights_of_a_set():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0, 0, 0, 1, 2, 2])
    want = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights("balanced", labels, 3), want)
    assert class_weights("1,2,0.5", labels, 3) == (1, 2, 0.5) and class_weights("", labels, 3) == ()
    with pytest.raises(ValueError, match="no training image of class 1; expected some of each"):
        class_weights("balanced", np.array([0, 2]), 3)
    with pytest.raises(ValueError, match="got 2 numbers; expected one for each of the 3 classes"):
        class_weights("1,2", labels, 3)


def test_the_gradients_norm_is_told(digits):
    """By plain gradient descent at rate 1 the weights move by the gradient."""
    trainer = Trainer(build("lenet5"), *digits, devices=2, optimizer="sgd", rate=1.0)
    before = trainer.weights()
    sums = trainer.call(trainer.iterator, tf.constant(1, tf.int64)).numpy()
    moved = [value - before[path] for path, value in trainer.weights().items()]
    assert sums[3] == pytest.approx(np.sqrt(sum(np.sum(x**2) for x in moved)), rel=1e-4)


def test_an_optimizer_with_an_average_of_its_own(digits):
    """The average is what the optimizer evaluates; it keeps two numbers of each weight."""
    optimizer = make_optimizer("schedule_free_adamw")
    trainer = Trainer(
        build("lenet5"), *digits, devices=2, optimizer="schedule_free_adamw", rate=0.01,
        average=OPTIMIZERS_OWN, precision="mixed_float16",
    )
    trainer.run(3)
    values = tf.nest.map_structure(tf.constant, tf.nest.map_structure(
        lambda variable: variable.read_value().numpy(), trainer.state.fields()
    ))
    for path, value in optimizer.evaluated(values["weights"], values["slots"]).items():
        np.testing.assert_allclose(values["averages"][path], value, rtol=1e-5, atol=1e-7)
        assert np.any(values["averages"][path] != values["weights"][path]), path
        assert values["slots"]["total"][path].shape == []
        # 1e-4 of each update; at first float16 may have skipped some.
        assert float(values["slots"]["total"][path]) == (
            pytest.approx(1e-4 * int(values["updates"]))
        )
