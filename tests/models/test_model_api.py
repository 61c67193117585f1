"""Names and options of zoo.models; what its import loads."""

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
from forward import answer

import zoo.models
from zoo.lazy import lazy_module
from zoo.models import lenet, mlp, registry

ROOT = pathlib.Path(__file__).parents[2]


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


@pytest.mark.parametrize("name", zoo.models.list_models())
def test_a_search_for_a_name_finds_its_row(name):
    family = ROOT / "zoo" / "models" / f"{zoo.models.family_of(name)}.py"
    assert f'    "{name}": ' in family.read_text()


def test_same_name_in_two_files_is_an_error(monkeypatch):
    monkeypatch.setattr(mlp, "MODELS", {**mlp.MODELS, "lenet5": lenet.MODELS["lenet5"]})
    with pytest.raises(ValueError) as error:
        registry._variants.__wrapped__()
    assert str(error.value) == "model 'lenet5' is in two files: lenet.py and mlp.py"


def test_a_new_file_is_found(monkeypatch, tmp_path):
    (tmp_path / "newnet.py").write_text(
        "from zoo.models import mlp\nMODELS = {'newnet': mlp.MODELS['mlp']}\n"
    )
    monkeypatch.setattr(zoo.models, "__path__", [*zoo.models.__path__, str(tmp_path)])
    monkeypatch.setattr(registry, "_FOLDERS", [*registry._FOLDERS, str(tmp_path)])
    try:
        assert "newnet" in registry._variants.__wrapped__()
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
same = tf.keras.layers.Dense is zoo.models.create.keras.layers.Dense
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
    missing = lazy_module("no_such_module")  # nobody needs it yet
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        missing.anything()
