"""Files that ask for more than they hold: refused in one line, before any memory is taken."""

from __future__ import annotations

import dataclasses
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

import zoo
from zoo.weights import artefact, stored
from zoo.weights.local import values_of
from zoo.weights.unallocated import may_be_huge, shapes_of


@pytest.fixture(scope="module")
def model():
    return zoo.create_model("lenet5", weights="mnist")


def refused(path, *words) -> None:
    with pytest.raises(ValueError) as error:
        zoo.create_model("lenet5", weights=path)
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


HUGE = 5 * 10**7  # lenet5 with so many classes takes 17 GB, ten times as many of mlp 60 TB
# Changed fields of a card, and what is told.
CARDS = {
    "classes": ({"num_classes": HUGE, "class_names": None}, "expected (84, 50000000)"),
    "no classes": ({"num_classes": -1, "class_names": None}, "expected an integer >= 1"),
    "side": ({"input_shape": (10**6, 10**6, 1)}, "got input_shape=(1000000, 1000000, 1)"),
    "smaller side": ({"input_shape": (4000, 4000, 1)}, "expected (15936064, 120)"),
    "channels": ({"input_shape": (28, 28, 8000)}, "expected (5, 5, 8000, 6)"),
    "units": ({"model": "mlp", "options": {"hidden": [10**9]}}, "'stage1_dense1/kernel' of 'mlp'"),
    "width": ({"model": "resnet18", "options": {"width": 1e4}, "input_shape": (32, 32, 3)},
              "of 'resnet18'"),
    "option": ({"options": {"bn_momentum": [[]]}}, "got bn_momentum=[[]]"),
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_that_asks_for_more_than_its_file_holds(tmp_path, model, name):
    changes, word = CARDS[name]
    card = dataclasses.replace(model.card, **changes)
    artefact.write(tmp_path / "x.safetensors", values_of(model), card)
    with pytest.raises(ValueError) as error:
        zoo.load_model(tmp_path / "x.safetensors")
    assert word in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("bias", "word"), [
    (np.zeros(10**6, "f4"), "expected (84, 1000000)"), (np.zeros((2, 5), "f4"), "a number a class"),
    (np.zeros(0, "f4"), "a number a class"), (None, "no tensor for 'head_dense/bias'"),
])
def test_the_bias_of_a_classifier_says_how_many_classes_there_are(tmp_path, model, bias, word):
    values = {**values_of(model), "head_dense/bias": bias}
    values = {path: value for path, value in values.items() if value is not None}
    stored.write_values(tmp_path / "x.safetensors", values)
    refused(tmp_path / "x.safetensors", word)


def test_shapes_are_those_of_the_model_and_take_no_memory():
    huge = shapes_of("lenet5", num_classes=HUGE)
    assert huge.get_layer("head_dense").kernel.shape == (84, HUGE)
    small = {"width": 0.125, "input_shape": (32, 32, 3), "kernel_initializer": "msra"}
    for name, options in (("resnet18", small), ("vgg11", small), ("lenet", {})):
        built, shapes = zoo.models.create_model(name, **options), shapes_of(name, **options)
        assert [(v.path, v.shape) for v in shapes.weights] == [
            (v.path, v.shape) for v in built.weights
        ]
    usual = {"num_classes": 1000, "input_shape": (224, 224, 3), "width": 1.0, "zero_gamma": True}
    assert not may_be_huge(usual)
    assert may_be_huge({"hidden": [10, 10**9]}) and may_be_huge({"width": 2.0})


def replace(path, value):
    def change(file):
        del file[path]
        if value is not None:
            file[path] = value
    return change


def compressed(file):
    del file["layers/dense/vars/0"]
    file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "f4", chunks=(1, 1), fillvalue=0)


# Changes of a .weights.h5, and what is told.
HDF5 = {
    "scalar": (replace("layers/dense_2/vars/1", np.float32(3)), "for 'head_dense/bias'"),
    "many classes": (replace("layers/dense_2/vars/1", np.zeros(10**5, "f4")), "for 'head_dense"),
    "text": (replace("layers/dense_2/vars/1", "x"), "damaged"),
    "a group": (lambda file: (replace("layers/dense/vars/1", None)(file),
                              file.create_group("layers/dense/vars/1")), "is a Group"),
    "no bias": (replace("layers/dense_2/vars/1", None), "got 1 variables for layer 'head_dense'"),
    "no layer": (replace("layers/conv2d", None), "got 0 variables for layer 'stage1_conv'"),
    "a layer more": (lambda file: file.copy("layers/conv2d", "layers/conv2d_9"), "'conv2d_9'"),
    "no layers": (replace("layers", None), "got no 'layers'"),
    "layers is data": (replace("layers", np.zeros(3)), "is a Dataset"),
    "in itself": (lambda file: file["layers/dense"].__setitem__("layers", file["layers"]),
                  "is in itself"),
    "unwritten": (compressed, "compressed or in another file"),
    "elsewhere": (replace("layers/dense/vars/0", h5py.ExternalLink("/etc/hostname", "/x")),
                  "or a link"),
    "one for two": (lambda file: [replace(f"layers/dense_{n}/vars/0", file["layers/dense/vars/0"])(
        file) for n in (1, 2)], "longer than the file"),
}


@pytest.mark.parametrize("name", HDF5)
def test_a_weights_h5_that_is_not_what_it_says(tmp_path, model, name):
    change, word = HDF5[name]
    path = tmp_path / "x.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        change(file)
    refused(path, word)


def config(*layers) -> str:
    return json.dumps({"config": {"layers": list(layers)}})


# The configuration in a .keras file, and what is told.
CONFIGS = {
    "empty": "", "a list": "[]", "deep": "[" * 100_000, "bytes": b"\xff\xfe\x00", "null": "null",
    "no objects": config(3, "x"), "no classes": config({"class_name": {}, "config": []}),
    "code": config({"class_name": "Lambda", "config": {"name": "x", "function": "evil"}}),
    "models in models": '{"config":{"layers":[' * 400 + "]}}" * 400,
    "long": b"[" + b" " * 2**26 + b"]",
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_keras_file_that_is_not_what_it_says(tmp_path, model, name):
    model.save(tmp_path / "whole.keras")
    kind = zipfile.ZIP_STORED if name == "long" else zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(tmp_path / "whole.keras") as whole,
        zipfile.ZipFile(tmp_path / "x.keras", "w", kind) as changed,
    ):
        for member in whole.namelist():
            changed.writestr(
                member, CONFIGS[name] if member == "config.json" else whole.read(member)
            )
    refused(tmp_path / "x.keras", "damaged")


def test_files_of_keras_in_other_forms(tmp_path, model):
    """Behind preprocessing, without a classifier, and a classifier that is new."""
    images = np.random.default_rng(0).random((2, 28, 28, 1)).astype("float32")
    zoo.with_preprocessing(model).save(tmp_path / "app.keras")
    app = zoo.create_model("lenet5", weights=tmp_path / "app.keras")
    np.testing.assert_array_equal(app(images), model(images))
    for name in ("whole.keras", "whole.weights.h5", "headless.keras", "headless.weights.h5"):
        whole = name.startswith("whole")
        saved = model if whole else zoo.create_model("lenet5", weights="mnist", include_top=False)
        (saved.save if name.endswith(".keras") else saved.save_weights)(tmp_path / name)
        headless = zoo.create_model("lenet5", weights=tmp_path / name, include_top=False)
        expected = keras.Model(model.input, model.get_layer("stage2_pool").output)
        np.testing.assert_array_equal(headless(images), expected(images))
