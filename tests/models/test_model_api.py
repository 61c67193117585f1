"""Names, options and errors of zoo.models; what its import loads."""

from __future__ import annotations

import json
import math
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import zoo.models
from zoo.lazy import lazy_module
from zoo.models import lenet, mlp

ROOT = pathlib.Path(__file__).parents[2]
RESNET_OPTIONS = (
    "activation, bn_epsilon, bn_momentum, dropout, small_input, width, zero_gamma"
)
CREATE_ERRORS = {
    "close name": (
        {"name": "resnet51"},
        "unknown model 'resnet51'; did you mean 'resnet50'? See zoo.list_models()",
    ),
    "far name": ({"name": "xyz"}, "unknown model 'xyz'. See zoo.list_models()"),
    "option": (
        {"name": "resnet50", "widht": 2},
        f"unknown option 'widht' for model 'resnet50'; it takes: {RESNET_OPTIONS}",
    ),
    "the variant's own": (
        {"name": "resnet50", "bottleneck": False},
        f"unknown option 'bottleneck' for model 'resnet50'; it takes: {RESNET_OPTIONS}",
    ),
    "lenet5's options": (
        {"name": "lenet5", "zero_gamma": True},
        "unknown option 'zero_gamma' for model 'lenet5'; it takes: "
        "activation, bn_epsilon, bn_momentum, dropout, pool, width",
    ),
    "no class": ({"num_classes": 0}, "got num_classes=0; expected an integer >= 1"),
    "half a class": ({"num_classes": 2.5}, "got num_classes=2.5; expected an integer >= 1"),
    "one side": (
        {"input_shape": (28,)},
        "got input_shape=(28,); expected 3 positive integers: height, width, channels",
    ),
    "not a shape": (
        {"input_shape": 28},
        "got input_shape=28; expected 3 positive integers: height, width, channels",
    ),
    "no channels": (
        {"input_shape": (28, 28, 0)},
        "got input_shape=(28, 28, 0); expected 3 positive integers: height, width, channels",
    ),
    "open side": (
        {"input_shape": (None, 28, 1)},
        "got input_shape=(None, 28, 1); expected 3 positive integers: height, width, channels",
    ),
    "small lenet5": (
        {"input_shape": (28, 11, 1)},
        "got input_shape=(28, 11, 1); expected a height and width >= 12",
    ),
    "small lenet": (
        {"name": "lenet", "input_shape": (15, 28, 1)},
        "got input_shape=(15, 28, 1); expected a height and width >= 16",
    ),
    "small resnet": (
        {"name": "resnet18", "input_shape": [31, 224, 3]},
        "got input_shape=(31, 224, 3); expected a height and width >= 32",
    ),
    "pooling": (
        {"pooling": "mean", "include_top": False},
        "got pooling='mean'; expected one of [None, 'avg', 'max']",
    ),
    "pooling and top": (
        {"pooling": "avg"},
        "pooling chooses the output of a model without its classifier: "
        "got pooling='avg'; expected None with include_top=True",
    ),
    "pooling of vectors": (
        {"name": "mlp", "pooling": "avg", "include_top": False},
        "the features of this model are vectors already: got pooling='avg'; expected None",
    ),
    "classes and no top": (
        {"num_classes": 10, "include_top": False},
        "a model without its classifier has no classes: "
        "got num_classes=10; expected None with include_top=False",
    ),
    "activation and no top": (
        {"classifier_activation": "softmax", "include_top": False},
        "a model without its classifier has no classifier activation: "
        "got classifier_activation='softmax'; expected None with include_top=False",
    ),
    "unknown classifier activation": (
        {"classifier_activation": "sofmax"},
        "got classifier_activation='sofmax'; expected the name of a Keras activation, as 'relu'",
    ),
    "unknown activation": (
        {"activation": "rely"},
        "got activation='rely'; expected the name of a Keras activation, as 'relu'",
    ),
    "unknown activation of lenet": (
        {"name": "lenet", "activation": None},
        "got activation=None; expected the name of a Keras activation, as 'relu'",
    ),
    "unknown activation of mlp": (
        {"name": "mlp", "activation": 1},
        "got activation=1; expected the name of a Keras activation, as 'relu'",
    ),
    "pool": ({"pool": "min"}, "got pool='min'; expected one of ['avg', 'max']"),
    "dropout": ({"dropout": 1}, "got dropout=1; expected a number in [0, 1)"),
    "dropout of mlp": (
        {"name": "mlp", "dropout": -0.1},
        "got dropout=-0.1; expected a number in [0, 1)",
    ),
    "dropout and no top": (
        {"name": "resnet18", "dropout": 0.5, "include_top": False, "input_shape": (32, 32, 3)},
        "a model without its classifier has no dropout before it: "
        "got dropout=0.5; expected 0 with include_top=False",
    ),
    "no hidden layer": (
        {"name": "mlp", "hidden": ()},
        "got hidden=(); expected one or more positive integers",
    ),
    "empty hidden layer": (
        {"name": "mlp", "hidden": (5, 0)},
        "got hidden=(5, 0); expected one or more positive integers",
    ),
    "one number of hidden layers": (
        {"name": "mlp", "hidden": 5},
        "got hidden=5; expected one or more positive integers",
    ),
    "zero_gamma": (
        {"name": "resnet18", "zero_gamma": 0.5},
        "got zero_gamma=0.5; expected True or False",
    ),
    "width": (
        {"name": "resnet18", "width": 0},
        "got width=0; expected a number over 0",
    ),
    "momentum of no normalisation": (
        {"bn_momentum": 0.9},
        "model 'lenet5' has no batch normalisation: got bn_momentum=0.9; expected None",
    ),
    "momentum": (
        {"name": "resnet18", "bn_momentum": 1.0},
        "got bn_momentum=1.0; expected a number in [0, 1)",
    ),
    "epsilon": (
        {"name": "resnet18", "bn_epsilon": 0},
        "got bn_epsilon=0; expected a number over 0",
    ),
    "small_input": (
        {"name": "resnet18", "small_input": 1},
        "got small_input=1; expected True or False",
    ),
    "zero_gamma of v2": (
        {"name": "resnet18_v2", "zero_gamma": True},
        "a pre-activation branch that starts at zero gets no gradient through its last ReLU: "
        "got zero_gamma=True; expected False for the v2 form",
    ),
}


def answer(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Inference without a compiled function: quicker for one batch."""
    return keras.ops.convert_to_numpy(model(images, training=False))


@pytest.mark.parametrize(("arguments", "message"), CREATE_ERRORS.values(), ids=CREATE_ERRORS)
def test_errors_of_create_model(arguments, message):
    with pytest.raises(ValueError) as error:
        zoo.models.create_model(**{"name": "lenet5", **arguments})
    assert str(error.value) == message


def test_names_match_patterns_in_natural_order():
    names = zoo.models.list_models("resnet*d")
    assert names == [
        *("resnet18d", "resnet26d", "resnet34d", "resnet50d", "resnet101d"),
        *("resnet152d", "resnet200d"),
    ]
    assert zoo.models.list_models("resnet5*") == [
        "resnet50",
        "resnet50_v2",
        "resnet50b",
        "resnet50c",
        "resnet50d",
    ]
    names = zoo.models.list_models()
    assert names[:3] == ["alexnet", "alexnet_owt", "densenet121"] and names[-1] == "zfnet"
    assert zoo.models.list_models("nothing*") == []


def test_model_info_follows_the_options():
    info = zoo.models.model_info("lenet5", num_classes=4, input_shape=(32, 32, 3))
    assert info == zoo.models.ModelInfo(
        name="lenet5",
        paper="LeCun et al. 1998, Gradient-based learning applied to document recognition, "
        "doi:10.1109/5.726791",
        input_shape=(32, 32, 3),
        trainable_parameters=456 + 2416 + 6 * 6 * 16 * 120 + 120 + 10164 + 85 * 4,
        macs=1024 * 75 * 6 + 144 * 150 * 16 + 576 * 120 + 120 * 84 + 84 * 4,
    )
    with pytest.raises(AttributeError):
        info.macs = 0


@pytest.mark.parametrize(
    ("name", "side", "channels"), [("lenet5", 5, 16), ("lenet", 4, 32), ("resnet18_v2", 1, 512)]
)
def test_without_top(name, side, channels):
    shape = (28, 28, 1) if name.startswith("lenet") else (32, 32, 1)
    images = np.random.default_rng(0).standard_normal((2, *shape)).astype("float32")
    maps = zoo.models.create_model(name, include_top=False, input_shape=shape)
    assert maps.output.shape == (None, side, side, channels)
    value = answer(maps, images)
    for pooling, function in (("avg", np.mean), ("max", np.max)):
        pooled = zoo.models.create_model(
            name, include_top=False, pooling=pooling, input_shape=shape
        )
        pooled.set_weights(maps.get_weights())
        expected = function(value, axis=(1, 2))
        np.testing.assert_allclose(answer(pooled, images), expected, rtol=1e-5, atol=1e-6)


def test_mlp_without_top_is_its_last_hidden_layer():
    model = zoo.models.create_model("mlp", include_top=False, hidden=[30, 20], dropout=0.5)
    assert model.output.shape == (None, 20)
    assert [layer.name for layer in model.layers] == [
        "images",
        "stage1_flatten",
        *("stage1_dense1", "stage1_dense1_act", "stage1_dropout1"),
        *("stage1_dense2", "stage1_dense2_act", "stage1_dropout2"),
    ]


@pytest.mark.parametrize("name", ["mlp", "lenet", "lenet5", "resnet18", "resnet18d"])
@pytest.mark.parametrize("shape", [(33, 47, 1), (32, 32, 4)])
def test_sizes_and_channels(name, shape):
    model = zoo.models.create_model(name, input_shape=shape, num_classes=3)
    assert model.input_shape == (None, *shape)
    logits = answer(model, np.ones((2, *shape), "float32"))
    assert logits.shape == (2, 3)
    assert np.isfinite(logits).all()


def test_width_multiplies_the_channels():
    model = zoo.models.create_model("resnet18d", input_shape=(32, 32, 3), width=0.25)
    filters = [layer.filters for layer in model.layers if hasattr(layer, "filters")]
    whole = zoo.models.create_model("resnet18d", input_shape=(32, 32, 3))
    assert [4 * count for count in filters] == [
        layer.filters for layer in whole.layers if hasattr(layer, "filters")
    ]


def test_options_change_the_layers_they_name():
    model = zoo.models.create_model("lenet5", activation="relu", pool="max", dropout=0.25)
    assert [layer.name for layer in model.layers] == [
        "images",
        *("stage1_conv", "stage1_act", "stage1_pool"),
        *("stage2_conv", "stage2_act", "stage2_pool", "head_flatten"),
        *("head_dense1", "head_dense1_act", "head_dense2", "head_dense2_act"),
        *("head_dropout", "head_dense"),
    ]
    config = {layer.name: layer.get_config() for layer in model.layers}
    acts = ("stage1_act", "stage2_act", "head_dense1_act", "head_dense2_act")
    assert [config[name]["activation"] for name in acts] == ["relu"] * 4
    assert config["head_dense"]["activation"] == "linear"
    assert config["head_dropout"]["rate"] == 0.25
    assert type(model.get_layer("stage1_pool")).__name__ == "MaxPooling2D"

    model = zoo.models.create_model("resnet18", dropout=0.5, input_shape=(32, 32, 3))
    names = [layer.name for layer in model.layers]
    assert names[-3:] == ["head_pool", "head_dropout", "head_dense"]


def test_batch_norm_constants_are_options_of_every_model_that_has_them():
    model = zoo.models.create_model(
        "resnet18", input_shape=(32, 32, 3), bn_momentum=0.5, bn_epsilon=0.01
    )
    copy = keras.Model.from_config(model.get_config())
    for one in (model, copy):
        norms = [x for x in one.layers if isinstance(x, keras.layers.BatchNormalization)]
        assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.5, 0.01)}
    images = np.full((1, 32, 32, 3), 2.0, "float32")
    usual = zoo.models.create_model("resnet18", input_shape=(32, 32, 3))
    usual.set_weights(model.get_weights())
    assert not np.allclose(answer(usual, images), answer(model, images))


@pytest.mark.parametrize("name", ["lenet5", "mlp", "resnet18", "resnet18_v2"])
@pytest.mark.parametrize("activation", ["prelu", "leaky_relu", "selu", "gelu", "sigmoid"])
def test_activations(name, activation):
    shape = (28, 28, 1) if not name.startswith("resnet") else (32, 32, 3)
    model = zoo.models.create_model(name, activation=activation, input_shape=shape)
    acts = [layer for layer in model.layers if re.search(r"_act\d?$", layer.name)]
    assert acts
    for layer in acts:
        if activation == "prelu":
            channels = layer.output.shape[-1]
            assert math.prod(layer.alpha.shape) == channels
            np.testing.assert_array_equal(layer.alpha, 0.25)
        else:
            assert layer.activation.__name__ == activation


@pytest.mark.parametrize("name", ["resnet18", "resnet18d", "resnet18_v2"])
def test_small_input_of_resnet_divides_strides_by_four(name):
    model = zoo.models.create_model(
        name, small_input=True, include_top=False, input_shape=(32, 32, 3)
    )
    assert model.output.shape[1:3] == (4, 4)
    assert model.get_layer("stem_conv1").kernel.shape[:2] == (3, 3)


def test_same_name_in_two_files_is_an_error(monkeypatch):
    monkeypatch.setattr(mlp, "MODELS", {**mlp.MODELS, "lenet5": lenet.MODELS["lenet5"]})
    with pytest.raises(ValueError) as error:
        zoo.models._variants.__wrapped__()
    assert str(error.value) == "model 'lenet5' is in two files: lenet.py and mlp.py"


def test_a_new_file_is_found(monkeypatch, tmp_path):
    (tmp_path / "newnet.py").write_text(
        "from zoo.models import mlp\nMODELS = {'newnet': mlp.MODELS['mlp']}\n"
    )
    monkeypatch.setattr(zoo.models, "__path__", [*zoo.models.__path__, str(tmp_path)])
    try:
        assert "newnet" in zoo.models._variants.__wrapped__()
    finally:
        sys.modules.pop("zoo.models.newnet", None)


def test_names_and_start_up_errors_load_no_tensorflow():
    code = """
import json, sys
import zoo.models
names = zoo.models.list_models()
errors = []
for options in ({"name": "resnet51"}, {"name": "mlp", "x": 1}, {"name": "mlp", "num_classes": 0},
                {"name": "mlp", "pooling": "avg"}, {"name": "mlp", "input_shape": (1, 2)}):
    try:
        zoo.models.create_model(**options)
    except ValueError as error:
        errors.append(str(error))
loaded = [module for module in ("tensorflow", "keras.src") if module in sys.modules]
# TensorFlow first, Keras by way of it: neither may find the other half loaded.
import tensorflow as tf
same = tf.keras.layers.Dense is zoo.models.keras.layers.Dense
model = zoo.models.create_model("mlp", hidden=(3,))
print(json.dumps([names, len(errors), loaded, same, isinstance(model, tf.keras.Model)]))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names, num_errors, loaded, *same_keras = json.loads(run.stdout)
    assert names == zoo.models.list_models()
    assert num_errors == 5
    assert loaded == []
    assert same_keras == [True, True]


def test_lazy_module_runs_at_its_first_use(monkeypatch, tmp_path):
    (tmp_path / "lazily_loaded.py").write_text(
        "import pathlib\n"
        "with pathlib.Path(__file__).with_suffix('.log').open('a') as log:\n"
        "    log.write('ran ')\n"
        "value = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    log = tmp_path / "lazily_loaded.log"
    try:
        module = lazy_module("lazily_loaded")
        assert not log.exists()
        assert "lazily_loaded" not in sys.modules
        assert (module.value, module.value) == (3, 3)
        assert log.read_text() == "ran "
    finally:
        sys.modules.pop("lazily_loaded", None)
    assert lazy_module("json").dumps is json.dumps
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        lazy_module("no_such_module")
