"""Evaluation counts each image once: any number of images, batch size, replicas."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import confusion_matrix

import zoo
from zoo.core.forward import make_forward
from zoo.core.state import make_state
from zoo.data import ArraySplit, eval_batches, open_source
from zoo.evaluate.exact import Predictions, evaluate, make_eval_call

CLASSES = 10


@pytest.fixture(scope="module")
def digits():
    split = open_source("mnist5k").splits["validation"]
    # Every seventh of 1,000 sorted by class: an order that is not that of the classes, odd counts.
    rows = np.arange(0, 7000, 7) % 1000
    return split.images[rows], split.labels[rows]


@pytest.fixture(scope="module", params=[1, 2])
def strategy(request):
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(request.param)])


# Of whole numbers: NumPy and TensorFlow get the same logits to the bit.
KERNEL = np.random.default_rng(0).integers(-40, 41, (28 * 28, CLASSES)).astype(np.float32)


def forward(images):
    return tf.matmul(tf.reshape(tf.cast(images, tf.float32), [-1, 28 * 28]), KERNEL) / 16384.0


def logits_of(images) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64) @ KERNEL / 16384


def expected(images, labels, logits=None):
    """loss, top-1, top-5, confusion, in float64."""
    logits = logits_of(images) if logits is None else logits.astype(np.float64)
    order = np.argsort(-logits, axis=1)
    log_sum = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
    losses = log_sum - logits[np.arange(len(labels)), labels]
    return (
        losses.mean(), np.mean(order[:, 0] == labels),
        np.mean([label in row[:5] for label, row in zip(labels, order, strict=True)]),
        confusion_matrix(labels, order[:, 0], labels=range(CLASSES)),
    )


def run(strategy, images, labels, batch_size, forward=forward, **options) -> Predictions:
    batches = eval_batches(
        ArraySplit(images, labels), image_size=28, channels=1, batch_size=batch_size,
        eval_resize=28,
    )
    return evaluate(
        strategy, make_eval_call(strategy, forward, **options),
        strategy.experimental_distribute_dataset(batches),
    )


def assert_exact(predictions, images, labels, want=None):
    loss, top_1, top_5, confusion = want or expected(images, labels)
    assert len(predictions.labels) == len(labels)
    np.testing.assert_array_equal(np.sort(predictions.labels), np.sort(labels))
    assert predictions.top_1 == top_1 and predictions.top_5 == top_5
    assert predictions.loss == pytest.approx(loss, rel=1e-6)
    got = predictions.confusion(CLASSES)
    assert got.dtype == np.int64 and got.sum() == len(labels)
    np.testing.assert_array_equal(got, confusion)


def test_the_digits_tell_the_numbers_apart(digits):
    _, top_1, top_5, _ = expected(*digits)
    assert 0.02 < top_1 < 0.5 and top_1 + 0.1 < top_5 < 0.95
    logits = logits_of(digits[0])
    assert all(len(set(row)) == CLASSES for row in logits)  # no ties


@pytest.mark.parametrize("count, batch_size", [
    (1, 1), (1, 8), (2, 2), (3, 2), (7, 7), (7, 5), (13, 13), (63, 16), (101, 25), (251, 64),
    (257, 97), (999, 250),
])
def test_each_image_counts_once(strategy, digits, count, batch_size):
    images, labels = digits[0][:count], digits[1][:count]
    assert_exact(run(strategy, images, labels, batch_size), images, labels)


def test_compiled(strategy, digits):
    images, labels = digits[0][:61], digits[1][:61]
    assert_exact(run(strategy, images, labels, 16, jit_compile=True), images, labels)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_model_with_its_training_state(strategy, digits, jit_compile):
    images, labels = digits[0][:61], digits[1][:61]
    keras.utils.set_random_seed(3)
    model = zoo.create_model("lenet5")
    state = make_state(model, strategy, scales_loss=False)
    # What is evaluated is the state, not what the model was built with.
    for variable in state.weights.values():
        variable.assign(variable * 1.5)
    forward = make_forward(model, state, mean=(33.3,), std=(78.6,), jit_compile=jit_compile)
    predictions = run(strategy, images, labels, 16, forward, jit_compile=jit_compile)
    for variable in [*model.trainable_variables, *model.non_trainable_variables]:
        variable.assign(state.weights[variable.path].read_value())
    logits = model(((images - 33.3) / 78.6).astype(np.float32)).numpy()
    assert_exact(predictions, images, labels, expected(images, labels, logits))


def hand_made(strategy, images, labels, mask, forward=forward) -> Predictions:
    batches = tf.data.Dataset.from_tensor_slices((images, labels, mask)).batch(
        6, drop_remainder=True)
    return evaluate(
        strategy, make_eval_call(strategy, forward),
        strategy.experimental_distribute_dataset(batches),
    )


@pytest.mark.parametrize("padding", [
    "1 at the end", "all but one", "a whole batch", "the second half of each batch", "scattered",
])
def test_what_the_mask_hides_is_not_counted(strategy, digits, padding):
    images, labels = digits[0][:24], digits[1][:24]
    mask = np.ones(24, bool)
    if padding == "1 at the end":
        mask[-1] = False
    elif padding == "all but one":
        mask[1:] = False
    elif padding == "a whole batch":
        mask[12:18] = False
    elif padding == "the second half of each batch":
        mask.reshape(4, 6)[:, 3:] = False
    else:
        mask[[0, 3, 5, 6, 11, 22]] = False
    assert_exact(hand_made(strategy, images, labels, mask), images[mask], labels[mask])


def test_padding_that_is_not_finite_does_not_spread(strategy, digits):
    images, labels = digits[0][:13], digits[1][:13]

    def nan_on_padding(images):
        empty = tf.reduce_all(images == 0, axis=[1, 2, 3])
        return tf.where(empty[:, None], np.nan, forward(images))

    assert_exact(run(strategy, images, labels, 8, nan_on_padding), images, labels)


NAN, INF = np.nan, np.inf
NOT_FINITE = {
    "all": [NAN] * CLASSES,
    "the label's own": [NAN, *range(9)],
    "all but the label's": [1.0, *[NAN] * 9],
    "the last": [1.0, *[0.0] * 8, NAN],
    "infinite and NaN": [INF, NAN, *[0.0] * 8],
}


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("name", NOT_FINITE)
def test_nan_is_never_correct(strategy, digits, name, jit_compile):
    """Ten images, one a class, that have each its label's logit first in the row."""
    images = np.stack([digits[0][digits[1] == label][0] for label in range(CLASSES)])
    labels = np.arange(CLASSES, dtype=np.int32)
    row = np.array(NOT_FINITE[name], np.float32)
    table = np.stack([np.roll(row, label) for label in labels])
    sums = tf.constant(images.astype(np.int64).sum(axis=(1, 2, 3)))
    assert len(set(sums.numpy())) == CLASSES

    def broken(images):
        total = tf.reduce_sum(tf.cast(images, tf.int64), [1, 2, 3])
        return tf.gather(table, tf.argmax(total[:, None] == sums, 1))

    predictions = run(strategy, images, labels, CLASSES, broken, jit_compile=jit_compile)
    assert len(predictions.labels) == CLASSES
    assert predictions.top_1 == 0 and predictions.top_5 == 0
    assert np.trace(predictions.confusion(CLASSES)) == 0


def test_the_label_is_in_the_top_5_up_to_the_fifth_place(strategy, digits):
    images, labels = digits[0][:CLASSES], np.arange(CLASSES, dtype=np.int32)
    ladder = np.arange(CLASSES, 0, -1, dtype=np.float32)  # class 0 first, class 9 last
    predictions = run(
        strategy, images, labels, 10,
        lambda images: tf.tile(ladder[None], [tf.shape(images)[0], 1]),
    )
    by_label = dict(zip(predictions.labels.tolist(), predictions.in_top_5.tolist(), strict=True))
    assert by_label == {label: label < 5 for label in range(CLASSES)}
    assert predictions.top_1 == 0.1 and predictions.top_5 == 0.5


def test_fewer_than_five_classes_are_all_in_the_top_5(strategy, digits):
    images, labels = digits[0][:9], (digits[1][:9] % 3).astype(np.int32)
    predictions = run(strategy, images, labels, 4, lambda images: forward(images)[:, :3])
    assert predictions.top_5 == 1.0 and predictions.confusion(3).shape == (3, 3)


def test_sums_are_in_float64():
    """A million losses of 0.1: summed in float32 they would lose the fourth digit."""
    count = 1_000_000
    predictions = Predictions(
        labels=np.zeros(count, np.int32), predicted=np.zeros(count, np.int32),
        losses=np.full(count, 0.1, np.float32), in_top_5=np.ones(count, bool),
    )
    assert predictions.loss == pytest.approx(float(np.float32(0.1)), rel=1e-12)
    assert predictions.top_1 == predictions.top_5 == 1.0


def test_confusion_rows_are_labels_and_unseen_classes_stay_empty():
    predictions = Predictions(
        labels=np.array([0, 0, 2], np.int32), predicted=np.array([1, 1, 2], np.int32),
        losses=np.zeros(3, np.float32), in_top_5=np.ones(3, bool),
    )
    np.testing.assert_array_equal(
        predictions.confusion(4), [[0, 2, 0, 0], [0] * 4, [0, 0, 1, 0], [0] * 4]
    )
