"""Averages over views against NumPy's, with the digits and LeNet-5's shipped weights."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import progress
from zoo.data import ArraySplit, open_source
from zoo.data.views import Views
from zoo.evaluate.exact import evaluate, make_eval_call
from zoo.evaluate.several_views import evaluate_views, mean_over_views

COUNT = 61  # no multiple of any batch below


@pytest.fixture(scope="module")
def split():
    whole = open_source("mnist5k").splits["validation"]
    return whole.subset(np.arange(0, 7 * COUNT, 7) % whole.num_examples)


@pytest.fixture(scope="module")
def model():
    return zoo.create_model("lenet5", weights="mnist")


@pytest.fixture(scope="module", params=[1, 2])
def strategy(request):
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(request.param)])


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def mean_probabilities(model, images: np.ndarray, crops: str) -> np.ndarray:
    """float64 [B,10], from a prediction a view; images: uint8 [B,36,36,1], cut to 28x28."""
    corners = [(0, 0), (0, 8), (8, 0), (8, 8), (4, 4)]
    shown = [images[:, y : y + 28, x : x + 28] for y, x in corners]
    shown = shown if crops in ("five_crop", "ten_crop") else shown[-1:]
    if crops in ("flip", "ten_crop"):
        shown = shown + [image[:, :, ::-1] for image in shown]
    logits = [model.predict_on_batch(zoo.preprocess_input(x, model)) for x in shown]
    return np.mean([softmax(np.asarray(x, np.float64)) for x in logits], axis=0)


def framed(split, border: int = 4) -> ArraySplit:
    """The digits in a black frame: a crop is a shifted digit, and nothing needs resizing."""
    frame = ((0, 0), (border, border), (border, border), (0, 0))
    return ArraySplit(np.pad(split.images, frame), split.labels)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("crops", ["centre", "flip", "five_crop", "ten_crop"])
def test_probabilities_are_the_mean_of_those_of_single_views(split, model, crops, jit_compile):
    images = framed(split).images
    views, shown = Views(crops, (36,)), model.preprocessing

    def forward(images):
        return model((tf.cast(images, tf.float32) - shown.mean) / shown.std, training=False)

    averaged = tf.function(
        mean_over_views(forward, mirrored=views.mirrored), jit_compile=jit_compile
    )
    got = np.exp(averaged(views.cut(tf.constant(images), 28)))
    want = mean_probabilities(model, images, crops)
    np.testing.assert_allclose(got, want, atol=1e-5)
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-5)
    single = mean_probabilities(model, images, "centre")
    assert crops == "centre" or np.abs(want - single).max() > 0.3  # the views disagree


@pytest.mark.parametrize("crops", ["centre", "ten_crop"])
@pytest.mark.parametrize("batch_size", [1, 16, 64])
def test_each_image_counts_once_with_all_its_views(split, model, strategy, crops, batch_size):
    images = framed(split)
    predictions = evaluate_views(
        strategy, model, images, Views(crops, (36,)), mean=model.preprocessing.mean,
        std=model.preprocessing.std, batch_size=batch_size,
    )
    want = mean_probabilities(model, images.images, crops)
    rows, labels = np.arange(COUNT), images.labels
    assert len(predictions.labels) == COUNT
    np.testing.assert_array_equal(predictions.labels, labels)  # in their order, on two devices too
    np.testing.assert_allclose(np.exp(predictions.logits), want, atol=1e-5)
    assert predictions.top_1 == np.mean(want.argmax(1) == labels)
    rank = (want > want[rows, labels][:, None]).sum(1)
    assert predictions.top_5 == np.mean(rank < 5)
    assert predictions.loss == pytest.approx(-np.log(want[rows, labels]).mean(), abs=1e-5)


def test_several_scales_are_averaged_too(split, model):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    sides = (28, 32, 36)
    images = tf.constant(split.images)
    alone = [
        softmax(np.asarray(model.predict_on_batch(zoo.preprocess_input(view, model)), np.float64))
        for side in sides
        for crop in np.moveaxis(Views("ten_crop", (side,)).cut(images, 28).numpy(), 1, 0)
        for view in (crop, crop[:, :, ::-1])
    ]
    assert len(alone) == 30
    predictions = evaluate_views(
        strategy, model, split, Views("ten_crop", sides), mean=model.preprocessing.mean,
        std=model.preprocessing.std,
    )
    own = np.mean(alone, axis=0)[np.arange(COUNT), split.labels]
    assert predictions.loss == pytest.approx(-np.log(own).mean(), abs=1e-5)


def of_hand_made_logits(table) -> object:
    """Predictions of one image, label 0, whose view v has the logits table[v]."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    images = np.arange(len(table), dtype=np.uint8).reshape(1, -1, 1, 1, 1)
    batches = tf.data.Dataset.from_tensors((images, np.zeros(1, np.int32), np.ones(1, bool)))

    def forward(shown):
        return tf.gather(tf.constant(table, tf.float32), tf.cast(shown[:, 0, 0, 0], tf.int32))

    return evaluate(
        strategy, make_eval_call(strategy, mean_over_views(forward, mirrored=False)),
        strategy.experimental_distribute_dataset(batches),
    )


def test_a_view_that_is_not_finite_is_never_correct():
    right = [9.0, 1.0, 0.0]
    assert of_hand_made_logits([right, right]).top_1 == 1
    for broken in ([np.nan, 1.0, 0.0], [9.0, np.nan, 0.0], [np.nan] * 3):
        predictions = of_hand_made_logits([right, broken, right])
        assert predictions.predicted.tolist() == [-1]
        assert predictions.top_1 == predictions.top_5 == 0


def test_the_loss_is_finite_where_all_views_are_sure_of_a_wrong_class():
    """exp(-200) is 0 in float32."""
    predictions = of_hand_made_logits([[0.0, 200.0, 0.0], [0.0, 300.0, 0.0]])
    assert predictions.loss == pytest.approx(200 + np.log(2), rel=1e-6)


def test_probabilities_are_averaged_not_logits():
    """Two weak votes outdo a sure one by probability, not by logit."""
    predictions = of_hand_made_logits([[2.0, 0.0], [2.0, 0.0], [0.0, 50.0]])
    share = (2 / (1 + np.exp(-2.0)) + 0.0) / 3
    assert predictions.predicted.tolist() == [0]
    assert predictions.loss == pytest.approx(-np.log(share), rel=1e-6)


def test_a_line_says_how_far_a_long_evaluation_is(split, model, monkeypatch, capfd):
    monkeypatch.setattr(progress, "_SILENT_SECONDS", 0.0)
    evaluate_views(
        tf.distribute.MirroredStrategy(["CPU:0"]), model, split, Views("centre", (28,)),
        mean=(33.0,), std=(78.0,), batch_size=10,
    )
    told = [line for line in capfd.readouterr().err.splitlines() if "evaluating" in line]
    assert told[0] == "evaluating, batches: 0/7"
    assert told[-1].startswith("evaluating, batches: 7 in ")


def test_a_short_side_below_the_models_size_is_an_error(split, model):
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with pytest.raises(ValueError, match=r"got \(32, 27\); expected each at least image_size=28$"):
        evaluate_views(strategy, model, split, Views("flip", (32, 27)), mean=(33.0,), std=(78.0,))
