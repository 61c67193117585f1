"""NumPy's numbers for Python's, and what is known of a model in its copies."""

from __future__ import annotations

import copy
import json
import pickle

import keras
import numpy as np
import pytest

import zoo
from zoo.weights.preprocessing import Preprocessing


def pickled(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("make", [
    pickled, copy.copy, copy.deepcopy, lambda model: copy.deepcopy(pickled(model)),
])
def test_copies_are_fed_and_read_as_the_model_is(make, digits):
    model = zoo.create_model("lenet5", weights="mnist", classifier_activation="softmax")
    copied = make(model)
    assert copied is not model and copied.card == model.card
    assert copied.class_names == model.class_names == tuple("0123456789")
    assert copied.preprocessing == model.preprocessing
    inputs = zoo.preprocess_input(digits[0][:3], copied)
    np.testing.assert_array_equal(copied(inputs), model(inputs))
    assert zoo.stages(copied) == zoo.stages(model)
    own = make(zoo.transfer(model, 3))
    assert own.card.num_classes == 3 and own.preprocessing == model.preprocessing
    assert own.class_names is None


def test_copies_of_other_models_need_no_zoo():
    other = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    functional = keras.Model(other.inputs, other.outputs)
    zoo.create_model("lenet5")
    for model in (other, functional):
        assert b"zoo" not in pickle.dumps(model)


def test_a_copy_is_written_as_the_model_is(tmp_path):
    model = copy.deepcopy(zoo.create_model("lenet5", weights="mnist"))
    zoo.save_pretrained(model, tmp_path / "copy.safetensors")
    assert zoo.load_model(tmp_path / "copy.safetensors").class_names == model.class_names


@pytest.mark.parametrize(("name", "options"), [
    ("lenet5", {"num_classes": np.int64(5)}),
    ("lenet5", {"num_classes": np.uint8(5), "weights": "mnist"}),
    ("mlp", {"num_classes": np.int32(5), "hidden": np.array([8, 8]), "dropout": np.float32(0.5)}),
    ("resnet18", {
        "num_classes": np.array(5)[()], "input_shape": np.array([32, 32, 3]), "zero_gamma":
        np.bool_(True), "width": np.float32(0.125), "bn_momentum": np.float64(0.9),
    }),
    ("resnet18", {"input_shape": [np.int16(32), 32, 3], "num_classes": 5, "width": 0.125}),
])
def test_numbers_of_numpy_are_numbers(name, options):
    model = zoo.create_model(name, **options)
    assert model.output.shape == (None, 5)
    json.loads(model.card.to_json())  # as it is written
    zoo.models.create_model(name, **{k: v for k, v in options.items() if k != "weights"})


def test_numbers_of_numpy_elsewhere():
    model = zoo.create_model("lenet5", weights="mnist")
    assert zoo.transfer(model, np.int64(3)).output.shape == (None, 3)
    found = Preprocessing(np.int64(28), np.int32(30), "bilinear", np.array([33.0]), [np.float32(2)])
    assert found == Preprocessing(28, 30, "bilinear", (33.0,), [2.0])
    assert len(zoo.decode_predictions(np.eye(1, 1000), top=np.int64(2))[0]) == 2


@pytest.mark.parametrize("number", [np.float64(5), np.bool_(True), np.int64(0), np.array([5, 5])])
def test_other_numbers_of_numpy_are_refused_as_pythons_are(number):
    with pytest.raises(ValueError, match="got num_classes=.*; expected an integer >= 1"):
        zoo.create_model("lenet5", num_classes=number)


@pytest.mark.parametrize("top", [None, 2.5, True, 0, np.int64(1001), "5"])
def test_how_many_predictions_is_a_number(top):
    with pytest.raises(ValueError, match="got top=.*; expected a number from 1 to 1000"):
        zoo.decode_predictions(np.eye(1, 1000), top=top)
