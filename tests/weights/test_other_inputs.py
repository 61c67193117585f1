"""Normalisation for images of another shape than the weights', and under Keras' global settings."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest

import zoo
from zoo.weights.preprocessing import Preprocessing

LEVELS = np.random.default_rng(0).uniform(0, 255, (2, 28, 28, 1)).astype("float32")


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


def test_preprocessing_inside_whatever_keras_takes_for_the_channels(channels_first, tmp_path):
    model = zoo.create_model("lenet5", weights="mnist")
    three = zoo.create_model("lenet5", input_shape=(28, 28, 3))
    three.preprocessing = Preprocessing(28, 28, "bilinear", (1.0, 20.0, 90.0), (40.0, 50.0, 60.0))
    for network, levels in ((model, LEVELS), (three, np.repeat(LEVELS, 3, 3))):
        expected = network(zoo.preprocess_input(levels, network, resize=False))
        app = zoo.with_preprocessing(network)
        np.testing.assert_allclose(app(levels), expected, rtol=1e-4, atol=1e-4)
        zoo.save_keras(app, tmp_path / "app.keras")
        keras.config.set_image_data_format("channels_last")
        opened = keras.models.load_model(tmp_path / "app.keras")
        np.testing.assert_allclose(opened(levels), expected, rtol=1e-4, atol=1e-4)
        keras.config.set_image_data_format("channels_first")


@pytest.mark.parametrize("make", [lambda model: model, copy.deepcopy])
def test_images_that_are_no_squares(make):
    model = make(zoo.create_model(
        "lenet5", weights="mnist", input_shape=(28, 56, 1), include_top=False))
    levels = np.concatenate([LEVELS, LEVELS], 2)
    normalised = (levels - 33.3) / 78.6
    inputs = zoo.preprocess_input(levels, model, resize=False)
    np.testing.assert_allclose(inputs, normalised, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        zoo.with_preprocessing(model)(levels), model(normalised), rtol=1e-4, atol=1e-4
    )
    with pytest.raises(ValueError) as error:
        zoo.preprocess_input(levels, model)
    assert str(error.value) == (
        "got 'lenet5' for images of 28x56x1; its weights saw 28x28x1, which does not say how to "
        "cut; expected pictures of 28x56 and resize=False"
    )


def test_images_of_other_channels():
    """Four channels see the kernels of red, green, blue and red, scaled, and so their levels."""
    known = Preprocessing(8, 8, "bilinear", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert known.levels_of(4) == ((1.0, 2.0, 3.0, 1.0), (4.0, 5.0, 6.0, 4.0))
    assert known.levels_of(1) == ((2.0,), (5.0,)) and known.levels_of(3) == (known.mean, known.std)
    model = zoo.create_model("resnet18", width=0.125, input_shape=(32, 32, 4), num_classes=2)
    model.weights_preprocessing = known
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 4)).astype("float32")
    mean, std = (np.float32(values) for values in known.levels_of(4))
    np.testing.assert_allclose(
        zoo.with_preprocessing(model)(images), model((images - mean) / std), rtol=1e-4, atol=1e-4
    )
    for resize in (True, False):
        with pytest.raises(ValueError, match="images of 32x32x4; its weights saw 8x8x3; expected "
                                             "zoo.with_preprocessing"):
            zoo.preprocess_input(images, model, resize=resize)


def test_of_new_weights_nothing_is_known():
    model = zoo.create_model("lenet5", input_shape=(28, 56, 1))
    with pytest.raises(ValueError, match="of whose training images nothing is known"):
        zoo.preprocess_input(LEVELS, model, resize=False)
