"""zoo.preprocess_input on tensors: eager, in tf.data, tf.function, Lambda and functional models."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_sample_image

import zoo
from zoo.data.methods import METHODS
from zoo.weights import matrix_resizing
from zoo.weights.preprocessing import Preprocessing, preprocess_input

HALF = (127.5,) * 3, (127.5,) * 3
KNOWN = Preprocessing(28, 32, "bilinear", *HALF)
LEVEL = 1 / 127.5 + 1e-6


@pytest.fixture(scope="module")
def photo():
    return load_sample_image("flower.jpg")[100:400, 60:500]


def in_dataset(photo, resize):
    dataset = tf.data.Dataset.from_tensors(photo)
    dataset = dataset.map(lambda x: preprocess_input(x, KNOWN, resize=resize))
    return next(iter(dataset)).numpy()


def in_dataset_of_files(photo, resize):
    """The shape of a decoded file is not known while the graph is built."""
    encoded = tf.io.encode_png(photo)
    dataset = tf.data.Dataset.from_tensors(encoded).map(
        lambda x: preprocess_input(tf.io.decode_png(x, channels=3), KNOWN, resize=resize)
    )
    return next(iter(dataset)).numpy()


def in_function(photo, resize):
    return tf.function(lambda x: preprocess_input(x, KNOWN, resize=resize))(photo).numpy()


def in_function_of_any_batch(photo, resize):
    function = tf.function(
        lambda x: preprocess_input(x, KNOWN, resize=resize),
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)],
    )
    return function(photo[None].astype("float32")).numpy()


def in_lambda(photo, resize):
    inputs = keras.Input((None, None, 3))
    layer = keras.layers.Lambda(lambda x: preprocess_input(x, KNOWN, resize=resize))
    return keras.Model(inputs, layer(inputs)).predict(photo[None], verbose=0)


def in_functional_model(photo, resize):
    inputs = keras.Input((*photo.shape[:2], 3))
    outputs = preprocess_input(inputs, KNOWN, resize=resize)
    return keras.Model(inputs, outputs).predict(photo[None], verbose=0)


def eager(photo, resize):
    return preprocess_input(tf.constant(photo), KNOWN, resize=resize).numpy()


@pytest.mark.parametrize("resize", [True, False])
@pytest.mark.parametrize("place", [
    in_dataset, in_dataset_of_files, in_function, in_function_of_any_batch, in_lambda,
    in_functional_model, eager,
])
def test_everywhere_as_of_an_array(place, resize, photo):
    expected = preprocess_input(photo, KNOWN, resize=resize)
    got = place(photo, resize)
    assert got.shape == expected.shape and got.dtype == np.float32
    assert np.abs(got - expected).max() <= (LEVEL if resize else 1e-6)


@pytest.mark.parametrize("size, resize", [(28, 28), (150, 171)])
@pytest.mark.parametrize("method", METHODS)
def test_to_a_level_as_of_an_array(method, size, resize, photo):
    """Against the same function on NumPy, which tests/weights/test_preprocessing.py checks."""
    known = Preprocessing(size, resize, method, (0,) * 3, (1,) * 3)
    function = tf.function(
        lambda x: preprocess_input(x, known),
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
    )
    noise = np.random.default_rng(0).integers(0, 256, (300, 440, 3), "uint8")
    for height, width in [(300, 440), (97, 131), (200, 57), (3, 440), (300, 2), (33, 33)]:
        for picture in (photo, noise):  # noise: black and white beside each other
            picture = picture[:height, :width]
            got = function(picture).numpy()
            assert np.abs(got - preprocess_input(picture, known)).max() <= 1
            assert (got == np.round(got)).all()
            # As on backends where XLA compiles all: JAX in jit.
            sizes = (size, size), (resize, resize)
            got = matrix_resizing.resize_and_crop(picture[None], *sizes, method)
            assert np.abs(got - preprocess_input(picture, known)).max() <= 1


def test_a_batch_and_grey_pictures(photo):
    function = tf.function(lambda x: preprocess_input(x, KNOWN))
    batch = np.stack([photo, photo[:, ::-1]])
    np.testing.assert_array_equal(function(batch)[:1], function(photo))
    grey = photo[..., 1]
    three = function(np.repeat(grey[..., None], 3, -1)).numpy()
    for one in (grey, grey[..., None]):
        np.testing.assert_array_equal(function(one), three)
    of_one = Preprocessing(28, 32, "bilinear", (127.5,), (127.5,))
    one = tf.function(lambda x: preprocess_input(x, of_one))(grey).numpy()
    np.testing.assert_allclose(one[..., 0], three[..., 1], atol=1e-6)


def test_gradients_find_their_way_without_resizing(photo):
    pictures = tf.Variable(photo[None].astype("float32"))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(preprocess_input(pictures.value(), KNOWN, resize=False))
    np.testing.assert_allclose(tape.gradient(total, pictures), 1 / 127.5, rtol=1e-5)


def test_a_saved_app_that_resizes_opens_again(photo, tmp_path):
    inputs = keras.Input((None, None, 3))
    app = keras.Model(inputs, preprocess_input(inputs, KNOWN))
    app.save(tmp_path / "app.keras")
    again = keras.models.load_model(tmp_path / "app.keras")
    assert not all(layer.supports_jit for layer in again.layers)  # on GPUs, where Keras would
    np.testing.assert_array_equal(
        again.predict(photo[None], verbose=0), app.predict(photo[None], verbose=0)
    )


def test_under_mixed_precision_levels_are_not_rounded(photo):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        got = in_functional_model(photo, True)
    finally:
        keras.config.set_dtype_policy(policy)
    assert np.abs(got - preprocess_input(photo, KNOWN)).max() <= LEVEL


def test_the_model_knows_what_its_pictures_were(photo):
    digit = photo[:, :, :1]
    model = zoo.create_model("lenet5", weights="mnist")
    dataset = tf.data.Dataset.from_tensors(digit).map(lambda x: zoo.preprocess_input(x, model))
    difference = next(iter(dataset)).numpy() - zoo.preprocess_input(digit, model)
    assert np.abs(difference * np.float32(model.preprocessing.std)).max() <= 1 + 1e-4


@pytest.mark.parametrize("resize", [True, False])
@pytest.mark.parametrize("scale, offset, message", [
    (1 / 255, 0, "as if scaled to 0..1; expected levels of 0..255"),
    (2, 0, "other values than levels of 0..255"), (1, -128, "other values than levels"),
    (float("nan"), 0, "other values than levels"),
])
def test_float_pictures_that_are_no_levels_end_it_when_the_graph_runs(
    scale, offset, message, resize, photo
):
    wrong = (photo * np.float32(scale) + np.float32(offset)).astype("float32")
    dataset = tf.data.Dataset.from_tensors(wrong)
    dataset = dataset.map(lambda x: preprocess_input(x, KNOWN, resize=resize))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        next(iter(dataset))
    if resize:
        inputs = keras.Input((*photo.shape[:2], 3))
        model = keras.Model(inputs, preprocess_input(inputs, KNOWN))
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            model.predict(wrong[None], verbose=0)


def test_no_picture_and_black_ones_pass_the_check():
    function = tf.function(
        lambda x: preprocess_input(x, KNOWN),
        input_signature=[tf.TensorSpec([None, 40, 40, 3], tf.float32)],
    )
    assert function(np.zeros((0, 40, 40, 3), "float32")).shape == (0, 28, 28, 3)
    assert function(np.zeros((2, 40, 40, 3), "float32")).numpy().min() == -1


@pytest.mark.parametrize("spec, message", [
    (tf.TensorSpec(None, tf.uint8), r"pictures of unknown shape; expected .*set_shape"),
    (tf.TensorSpec([None, None, None], tf.uint8), r"shape \(None, None, None\); expected \[batch"),
    (tf.TensorSpec([9, 9, 4], tf.uint8), r"shape \(9, 9, 4\)"),
    (tf.TensorSpec([2, 3, 9, 9, 3], tf.uint8), "expected .batch, height"),
    (tf.TensorSpec([9, 9, 3], tf.int32), "got pictures of type int32; expected uint8 or a float"),
])
@pytest.mark.parametrize("resize", [True, False])
def test_what_are_no_pictures(spec, message, resize):
    function = tf.function(lambda x: preprocess_input(x, KNOWN, resize=resize))
    with pytest.raises(ValueError, match=message):
        function.get_concrete_function(spec)


def test_more_that_is_refused(photo):
    of_one = Preprocessing(28, 32, "bilinear", (127.5,), (127.5,))
    with pytest.raises(ValueError, match="got a picture of 3 channels; expected 1"):
        tf.function(lambda x: preprocess_input(x, of_one))(photo)
    with pytest.raises(ValueError, match="got a list of symbolic tensors; expected one tensor"):
        tf.function(lambda x: preprocess_input([x, x], KNOWN))(photo)
    with pytest.raises(ValueError, match="as if scaled to 0..1"):
        preprocess_input(tf.constant(photo / 255), KNOWN)
