"""zoo.create_model with trained weights: from files of every kind, with other classes, channels."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy

import zoo
from zoo.weights import catalogue, stored

SMALL = {"width": 0.125, "input_shape": (32, 32, 3)}
IMAGES = np.random.default_rng(2).normal(size=(2, 32, 32, 3)).astype("float32")


def randomised(model: keras.Model) -> keras.Model:
    """Statistics too: those of a new model would hide that they were not read."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight.numpy() + 0.2 * rng.random(weight.shape))
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return randomised(zoo.create_model("resnet18", num_classes=7, **SMALL))


def values_of(model: keras.Model) -> dict[str, np.ndarray]:
    return {weight.path: weight.numpy() for weight in model.weights}


def as_timm(model: keras.Model) -> dict[str, np.ndarray]:
    """The weights of a ResNet of basic blocks as timm names and lays them out."""
    leaves = {"kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias",
              "moving_mean": "running_mean", "moving_variance": "running_var"}
    tensors = {}
    for path, value in values_of(model).items():
        layer, leaf = path.split("/")
        parts = layer.split("_")
        if layer == "head_dense":
            module = "fc"
        elif parts[0] == "stem":
            module = parts[1]
        else:
            module = f"layer{parts[0][5:]}.{int(parts[1][5:]) - 1}."
            shortcut = {"conv": "downsample.0", "bn": "downsample.1"}
            module += shortcut[parts[3]] if parts[2] == "shortcut" else parts[2]
        if value.ndim == 4:
            value = value.transpose(3, 2, 0, 1)
        tensors[f"{module}.{leaves[leaf]}"] = np.ascontiguousarray(
            value.T if value.ndim == 2 else value
        )
    return tensors


def write(model: keras.Model, kind: str, folder) -> str:
    path = folder / f"weights{kind}"
    if kind == ".safetensors":
        stored.write_values(path, values_of(model))
    elif kind == ".timm.safetensors":
        safetensors.numpy.save_file(as_timm(model), path)
    elif kind == ".weights.h5":
        model.save_weights(path)
    else:
        model.save(path)
    return str(path)


KINDS = [".safetensors", ".timm.safetensors", ".weights.h5", ".keras", ".h5"]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_from_a_file(model, kind, tmp_path):
    path = write(model, kind, tmp_path)
    read = zoo.create_model("resnet18b", weights=path, **SMALL)
    assert read.output.shape == (None, 7)
    np.testing.assert_array_equal(read(IMAGES), model(IMAGES))
    assert read.preprocessing is None and read.class_names is None


@pytest.mark.parametrize("kind", KINDS)
def test_another_number_of_classes_takes_a_new_classifier(model, kind, tmp_path):
    path = write(model, kind, tmp_path)
    read = zoo.create_model("resnet18b", weights=path, num_classes=3, **SMALL)
    features = keras.Model(read.input, read.get_layer("head_pool").output)(IMAGES)
    expected = keras.Model(model.input, model.get_layer("head_pool").output)(IMAGES)
    np.testing.assert_array_equal(features, expected)
    assert read.output.shape == (None, 3)


def test_tensors_of_another_number_of_classes_take_a_new_classifier(model):
    tensors = {f"_orig_mod.{name}": value for name, value in as_timm(model).items()}
    read = zoo.load_pretrained("timm:resnet18", tensors, num_classes=3, **SMALL)
    features = keras.Model(read.input, read.get_layer("head_pool").output)(IMAGES)
    expected = keras.Model(model.input, model.get_layer("head_pool").output)(IMAGES)
    np.testing.assert_array_equal(features, expected)
    assert read.output.shape == (None, 3) and read.card.num_classes == 3
    same = zoo.load_pretrained("timm:resnet18", tensors, **SMALL)
    np.testing.assert_array_equal(same(IMAGES), model(IMAGES))


def test_without_the_classifier(model, tmp_path):
    path = write(model, ".safetensors", tmp_path)
    read = zoo.create_model("resnet18", weights=path, include_top=False, pooling="avg", **SMALL)
    expected = keras.Model(model.input, model.get_layer("head_pool").output)(IMAGES)
    np.testing.assert_array_equal(read(IMAGES), expected)


def test_grey_images_see_what_grey_rgb_images_see(model, tmp_path):
    path = write(model, ".safetensors", tmp_path)
    grey = zoo.create_model("resnet18", weights=path, width=0.125, input_shape=(32, 32, 1))
    np.testing.assert_allclose(
        grey(IMAGES[..., :1]), model(np.repeat(IMAGES[..., :1], 3, -1)), rtol=1e-4, atol=1e-5
    )


def test_more_channels_repeat_the_first_kernels(model, tmp_path):
    path = write(model, ".safetensors", tmp_path)
    six = zoo.create_model("resnet18", weights=path, width=0.125, input_shape=(32, 32, 6))
    np.testing.assert_allclose(
        six(np.concatenate([IMAGES, IMAGES], -1)), model(IMAGES), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("change", ["missing", "missing bias", "left over", "shape"])
def test_tensors_that_do_not_fit_are_named(model, change, tmp_path):
    tensors = as_timm(model)
    if change == "missing":
        del tensors["layer2.0.conv1.weight"]
    elif change == "missing bias":
        del tensors["fc.bias"]
    elif change == "left over":
        tensors["layer5.0.conv1.weight"] = tensors["conv1.weight"]
    else:
        tensors["layer2.0.conv1.weight"] = tensors["layer2.0.conv1.weight"][1:]
    before = zoo.create_model("resnet18b", num_classes=7, **SMALL)
    with pytest.raises(ValueError) as error:
        zoo.load_pretrained("timm:resnet18", tensors, num_classes=7, **SMALL)
    expected = {
        "missing": "'stage2_block1_conv1'", "missing bias": "'head_dense/bias'",
        "left over": "'layer5.0.conv1.weight'",
        "shape": "'stage2_block1_conv1/kernel'",
    }
    assert expected[change] in str(error.value) and "\n" not in str(error.value)
    assert before.output.shape == (None, 7)


def test_a_file_of_another_model_says_so(model, tmp_path):
    path = write(model, ".timm.safetensors", tmp_path)
    with pytest.raises(ValueError) as error:
        zoo.create_model("resnet34b", weights=path, **SMALL)
    message = str(error.value)
    assert message.startswith(f"{path} holds no weights of 'resnet34b': as gluoncv:resnet34_v1b: ")
    assert "as timm:resnet34: got no tensor for layer 'stage1_block3_conv1'" in message


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("nowhere.pth", "got weights='nowhere.pth'; expected one of ['imagenet', 'mnist'], an "
                        "entry of the catalogue as 'timm:resnet50d.ra2_in1k', or a file or folder "
                        "that exists"),
        ("timm:resnet50.a1_in1k", "got weights 'timm:resnet50.a1_in1k' for 'resnet18'; they are "
                                  "of 'resnet50b'"),
        ("mnist", "model 'resnet18': got weights='mnist'; expected one of ['imagenet']"),
    ],
)
def test_errors_about_the_name(weights, message):
    with pytest.raises(ValueError) as error:
        zoo.create_model("resnet18", weights=weights)
    assert str(error.value) == message


def test_images_are_of_the_size_that_the_weights_were_evaluated_at(monkeypatch):
    row = catalogue.default_for("lenet5", "mnist")
    larger = dataclasses.replace(row.preprocessing, image_size=32, eval_resize=36)
    monkeypatch.setattr(catalogue, "_read", lambda: (
        dataclasses.replace(row, preprocessing=larger),))
    model = zoo.create_model("lenet5", weights="mnist", include_top=False)
    assert model.input_shape == (None, 32, 32, 1) and model.preprocessing == larger
    same = zoo.load_pretrained(row.name, include_top=False)
    assert same.input_shape == (None, 32, 32, 1)
    given = zoo.create_model("lenet5", weights="mnist", input_shape=(28, 28, 1))
    assert given.input_shape == (None, 28, 28, 1)
    assert (given.preprocessing.image_size, given.preprocessing.eval_resize) == (28, 31)


def test_weights_are_a_text_bytes_or_a_path(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    model = zoo.create_model("lenet5", weights="mnist")
    zoo.save_pretrained(model, b"~/a [1].safetensors")
    path = tmp_path / "a [1].safetensors"
    digit = np.zeros((28, 28, 1), "uint8")
    for weights in (path, str(path), bytes(path), "~/a [1].safetensors"):
        again = zoo.create_model(weights=weights)
        np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
        assert zoo.load_model(weights).class_names == model.class_names
        images = zoo.preprocess_input(digit, weights, resize=False)
        np.testing.assert_array_equal(images, zoo.preprocess_input(digit, model, resize=False))


@pytest.mark.parametrize("weights, message", [
    ("", "got weights=''; expected None for new ones, one of "),
    (b"", "got weights=b''; expected None"),
    (Path("imagenet"), "got weights=.*imagenet.*; expected one of .* file or folder that exists"),
    (b"caf\xe9.pth", "a name that is not UTF-8"),
    (7, "got 7 of type int; expected a text or a Path"),
])
def test_what_are_no_weights(weights, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in (zoo.create_model, zoo.load_model):
        with pytest.raises(ValueError, match=message):
            call("lenet5", weights=weights) if call is zoo.create_model else call(weights)
    if not isinstance(weights, int):
        with pytest.raises(ValueError, match=message):
            zoo.preprocess_input(np.zeros((28, 28), "uint8"), weights)


def test_options_of_the_builder_are_checked_first(tmp_path):
    with pytest.raises(ValueError, match="unknown option 'widht' for model 'resnet18'"):
        zoo.create_model("resnet18", weights="imagenet", widht=1)


def test_weights_of_a_run(finished_run):
    model = zoo.create_model("lenet5", weights=str(finished_run))
    assert model.class_names == tuple("0123456789")
    assert model.preprocessing.mean == (33.3,) and model.preprocessing.image_size == 28
    saved = keras.models.load_model(finished_run / "model.keras")
    images = np.random.default_rng(0).random((2, 28, 28, 1)).astype("float32")
    np.testing.assert_array_equal(model(images), saved(images))
