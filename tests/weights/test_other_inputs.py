"""Normalisation for images of another shape than the weights', and under Keras' global settings."""

from __future__ import annotations

import copy
import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.export.exporting import export_model
from zoo.models.counting import count_macs
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
    assert model.preprocessing is None


@pytest.mark.parametrize("shape, resized, cut", [
    ((40, 100), (28, 70), np.s_[:, 7:63]),  # rows fit, columns hang over
    ((50, 60), (46, 56), np.s_[9:37]),  # columns fit, 46.7 rows hang over
])
def test_pictures_cover_images_that_are_no_squares(shape, resized, cut, tmp_path):
    picture = np.random.default_rng(1).integers(0, 256, shape, "uint8")
    whole = np.asarray(Image.fromarray(picture).resize(resized[::-1], Image.Resampling.BILINEAR))
    expected = (whole[cut][None, :, :, None] - np.float32(33.3)) / np.float32(78.6)
    model = zoo.create_model(
        "lenet5", weights="mnist", input_shape=(28, 56, 1), include_top=False)
    zoo.save_pretrained(model, tmp_path / "wide.safetensors")
    for network in (model, zoo.load_model(tmp_path / "wide.safetensors")):
        inputs = zoo.preprocess_input(picture, network)
        np.testing.assert_allclose(inputs, expected, rtol=1e-5, atol=1e-5)
        file = tf.io.encode_png(picture[:, :, None]).numpy()
        np.testing.assert_array_equal(zoo.preprocess_input(file, network), inputs)
        traced = tf.function(lambda picture: zoo.preprocess_input(picture, model))(picture)
        np.testing.assert_allclose(traced, expected, atol=1.1 / 78.6)
    with pytest.raises(ValueError, match="without preprocessing; expected a model of zoo.load_mod"):
        export_model(model, tmp_path / "out")


def test_images_of_any_size(tmp_path):
    model = zoo.create_model(
        "lenet5", weights="mnist", input_shape=(None, None, 1), include_top=False)
    fixed = zoo.create_model(
        "lenet5", weights="mnist", input_shape=(28, 56, 1), include_top=False)
    zoo.save_pretrained(model, tmp_path / "open.safetensors")
    levels = np.concatenate([LEVELS, LEVELS], 2)
    for network in (model, zoo.load_model(tmp_path / "open.safetensors"), copy.deepcopy(model)):
        assert network.input_shape == (None, None, None, 1)
        assert network.preprocessing.image_size == 28
        assert zoo.preprocess_input(np.zeros((90, 60), "uint8"), network).shape == (1, 28, 28, 1)
        inputs = zoo.preprocess_input(levels, network, resize=False)
        np.testing.assert_allclose(network(inputs), fixed(inputs), rtol=1e-4, atol=1e-4)
    assert {name: stage.stride for name, stage in zoo.stages(model).items()} == {
        name: stage.stride for name, stage in zoo.stages(fixed).items()}
    zoo.save_keras(zoo.with_preprocessing(model), tmp_path / "open.keras")
    opened = keras.models.load_model(tmp_path / "open.keras")
    np.testing.assert_allclose(opened(levels), fixed(inputs), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="expected a height and a width, on which the number of"):
        count_macs(model)


def test_a_saved_model_for_images_of_any_size(tmp_path):
    maps = zoo.create_model(
        "lenet5", weights="mnist", input_shape=(None, None, 1), include_top=False)
    model = zoo.transfer(maps, num_classes=2)
    model.class_names = ("a", "b")
    saved = tf.saved_model.load(export_model(model, tmp_path / "out"))
    images = np.random.default_rng(0).uniform(0, 255, (2, 40, 64, 1)).astype("float32")
    logits = model(zoo.preprocess_input(images, model, resize=False))
    answer = saved.signatures["serving_default"](images=tf.constant(images))
    np.testing.assert_allclose(
        answer["probabilities"], keras.ops.softmax(logits), rtol=1e-4, atol=1e-5)
    file = tf.io.encode_png(images[0].astype("uint8"))
    answer = saved.signatures["encoded"](image_bytes=file[None])
    expected = keras.ops.softmax(model(zoo.preprocess_input(file.numpy(), model)))
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-3)
    assert sorted(answer["top_5_class_names"].numpy()[0]) == [b"a", b"b"]  # there are no five
    model.preprocessing = dataclasses.replace(
        model.preprocessing, mean=(1.0,) * 4, std=(1.0,) * 4)
    with pytest.raises(ValueError, match="and 1 or 3 channels, as files have"):
        export_model(model, tmp_path / "out")
    with pytest.raises(ValueError, match="layer 'head_flatten' of this model takes maps of one"):
        zoo.save_pretrained(model, tmp_path / "own.safetensors")


def test_images_of_other_channels():
    """Four channels see the kernels of red, green, blue and red, scaled, and so their levels."""
    known = Preprocessing(8, 8, "bilinear", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert known.levels_of(4) == ((1.0, 2.0, 3.0, 1.0), (4.0, 5.0, 6.0, 4.0))
    assert known.levels_of(1) == ((2.0,), (5.0,)) and known.levels_of(3) == (known.mean, known.std)
    model = zoo.create_model("resnet18", width=0.125, input_shape=(32, 32, 4), num_classes=2)
    model.preprocessing = known.for_input((8, 8, 4))
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 4)).astype("float32")
    mean, std = (np.float32(values) for values in known.levels_of(4))
    np.testing.assert_allclose(
        zoo.with_preprocessing(model)(images), model((images - mean) / std), rtol=1e-4, atol=1e-4
    )
    inputs = zoo.preprocess_input(images, model, resize=False)
    np.testing.assert_allclose(inputs, (images - mean) / std, rtol=1e-6)
    # Each channel by itself: Pillow weighs colours by the fourth.
    resized = zoo.preprocess_input(images, model)
    for channel in range(4):
        alone = zoo.preprocess_input(images[..., channel : channel + 1], model_of_channel(
            known.mean[channel % 3], known.std[channel % 3]))
        np.testing.assert_allclose(resized[..., channel : channel + 1], alone, rtol=1e-6)
    traced = tf.function(lambda images: zoo.preprocess_input(images, model))(images)
    np.testing.assert_allclose(traced, resized, atol=1.1 / 4)
    for wrong, message in ((images[..., :3], "got a picture of 3 channels; expected 4"),
                           (b"", "got the bytes of a file for a network of 4 channels")):
        with pytest.raises(ValueError, match=message):
            zoo.preprocess_input(wrong, model)


def model_of_channel(mean, std):
    model = zoo.create_model("lenet5", input_shape=(12, 12, 1), include_top=False)
    model.preprocessing = Preprocessing(8, 8, "bilinear", (mean,), (std,))
    return model


def test_of_new_weights_nothing_is_known():
    model = zoo.create_model("lenet5", input_shape=(28, 56, 1))
    with pytest.raises(ValueError, match="of whose training images nothing is known"):
        zoo.preprocess_input(LEVELS, model, resize=False)
