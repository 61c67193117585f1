"""save_keras: Keras' own file, without the arguments that older versions refuse.

The old versions themselves are tried out by tools/bench/keras_versions.py.
"""

from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import pytest

import zoo
from zoo.export.keras_file import save_keras, without_defaults

# Arguments of Keras 3.15.1 that Keras 3.10 does not know, where the zoo's layers have them.
UNKNOWN = {"input_axes", "output_axes", "quantization_config", "renorm", "renorm_clipping",
           "renorm_momentum"}
# Of nearly every kind of layer and operation that the zoo's models are made of.
MODELS = ["lenet5", "alexnet", "mobilenet_v3_small_050"]


def config_of(path) -> dict:
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read("config.json"))


def keys(config) -> set[str]:
    """Of all dicts in it."""
    if isinstance(config, list):
        return set().union(*map(keys, config))
    if not isinstance(config, dict):
        return set()
    return set(config).union(*map(keys, config.values()))


def layer(config: dict, name: str) -> dict:
    return next(each for each in config["config"]["layers"] if each["name"] == name)["config"]


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    """With values that no initializer makes, and the smallest input that all of them take."""
    digits = request.param == "lenet5"
    model = zoo.create_model(
        request.param, num_classes=10, **({} if digits else {"input_shape": (96, 96, 3)})
    )
    random = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign_add(random.random(weight.shape, "float32") / 10 + 0.01)
    return model


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    save_keras(model, path)
    return path


def test_arguments_unknown_to_older_versions_are_left_out(model, path, tmp_path):
    model.save(tmp_path / "whole.keras")
    assert keys(config_of(tmp_path / "whole.keras")) & UNKNOWN  # else there is nothing to do
    assert not keys(config_of(path)) & UNKNOWN


def test_the_file_opens_with_the_same_values_arguments_and_outputs(model, path):
    loaded = keras.models.load_model(path)
    assert json.loads(loaded.to_json()) == json.loads(model.to_json())
    assert [weight.path for weight in loaded.weights] == [weight.path for weight in model.weights]
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    images = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(loaded(images), model(images), rtol=1e-5)


def test_only_the_configuration_differs_from_what_keras_writes(model, path, tmp_path):
    model.save(tmp_path / "whole.keras")
    with zipfile.ZipFile(path) as ours, zipfile.ZipFile(tmp_path / "whole.keras") as keras_own:
        assert ours.testzip() is None
        assert ours.namelist() == keras_own.namelist()
        weights = [file.getinfo("model.weights.h5").file_size for file in (ours, keras_own)]
    assert weights[0] == weights[1]
    assert [each.name for each in path.parent.iterdir()] == ["model.keras"]  # nothing left aside


def test_what_is_not_the_default_stays(tmp_path):
    inputs = keras.Input((8, 8, 4), name="images")
    x = keras.layers.Conv2D(
        6, 3, groups=2, use_bias=False, name="conv",
        kernel_initializer=keras.initializers.HeNormal(seed=7),
        kernel_regularizer=keras.regularizers.L2(1e-4),
    )(inputs)
    x = keras.layers.BatchNormalization(renorm=True, momentum=0.9, name="bn")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(
        3, name="dense", kernel_initializer=keras.initializers.VarianceScaling(
            scale=0.5, mode="fan_out", input_axes=[0], output_axes=[1],
        ),
    )(x)
    model = keras.Model(inputs, x)
    save_keras(model, tmp_path / "model.keras")
    config = config_of(tmp_path / "model.keras")

    conv = layer(config, "conv")
    assert (conv["filters"], conv["groups"], conv["use_bias"]) == (6, 2, False)
    assert conv["kernel_initializer"]["config"] == {"seed": 7}
    assert conv["kernel_regularizer"]["config"] == {"l2": 1e-4}
    bn = layer(config, "bn")
    assert bn["renorm"] is True and bn["momentum"] == 0.9
    assert "renorm_momentum" not in bn and "epsilon" not in bn
    dense = layer(config, "dense")["kernel_initializer"]["config"]
    assert dense == {"scale": 0.5, "mode": "fan_out", "input_axes": [0], "output_axes": [1]}
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert json.loads(loaded.to_json()) == json.loads(model.to_json())


def test_names_and_dtypes_stay(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = zoo.create_model("lenet5")
    save_keras(model, tmp_path / "model.keras")
    keras.config.set_dtype_policy("float32")
    conv = layer(config_of(tmp_path / "model.keras"), "stage1_conv")
    assert conv["name"] == "stage1_conv" and conv["trainable"] is True
    assert conv["dtype"]["config"] == {"name": "mixed_bfloat16"}
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("stage1_conv").compute_dtype == "bfloat16"


def test_compile_options_and_the_optimizers_state_stay(tmp_path):
    model = zoo.create_model("lenet5")
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    images = np.random.default_rng(0).normal(size=(8, 28, 28, 1)).astype("float32")
    model.fit(images, np.arange(8), batch_size=4, verbose=0)
    save_keras(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    for old, new in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old.numpy(), new.numpy())
    assert loaded.loss == model.loss


@keras.saving.register_keras_serializable("tests")
class Offset(keras.layers.Layer):
    """A class of one's own, whose from_config counts on each key."""

    def __init__(self, offset=1.0, initializer="zeros", **options):
        super().__init__(**options)
        self.offset = offset
        self.initializer = keras.initializers.get(initializer)

    def call(self, x):
        return x + self.offset

    def get_config(self):
        initializer = keras.initializers.serialize(self.initializer)
        return super().get_config() | {"offset": self.offset, "initializer": initializer}

    @classmethod
    def from_config(cls, config):
        return cls(config.pop("offset"), config.pop("initializer"), **config)


def test_other_peoples_classes_keep_their_arguments_and_keras_within_them_loses_its(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Offset(initializer="glorot_uniform", name="offset")(inputs))
    save_keras(model, tmp_path / "model.keras")
    config = layer(config_of(tmp_path / "model.keras"), "offset")
    assert config["offset"] == 1.0
    assert config["initializer"]["config"] == {}
    assert keras.models.load_model(tmp_path / "model.keras").get_layer("offset").offset == 1.0


def test_a_value_of_another_type_is_no_default():
    def dropout(**config):
        return without_defaults({
            "module": "keras.layers", "class_name": "SpatialDropout2D", "config": config,
        })["config"]

    assert dropout(rate=0.5, seed=None, data_format=None) == {"rate": 0.5}
    assert dropout(rate=0.5, seed=False) == {"rate": 0.5, "seed": False}
    # rate has no default
    assert dropout(rate=None) == {"rate": None}


def test_what_is_no_class_of_keras_is_left_alone():
    node = {"class_name": "__keras_tensor__", "config": {"shape": [None, 4], "axis": -1}}
    unknown = {"module": "keras.layers", "class_name": "Nowhere", "config": {"axis": -1}}
    function = {"module": "builtins", "class_name": "function", "config": "relu"}
    lookalike = {"module": "kerassomething", "class_name": "Dense", "config": {"use_bias": True}}
    for config in (node, unknown, function, lookalike):
        assert without_defaults(config) == config


def test_the_old_file_is_replaced_at_the_end_or_stays(tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(b"old")

    class Broken(keras.layers.Layer):
        def get_config(self):
            raise RuntimeError("no configuration")

        def call(self, x):
            return x

    inputs = keras.Input((4,))
    with pytest.raises(RuntimeError, match="no configuration"):
        save_keras(keras.Model(inputs, Broken()(inputs)), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    save_keras(keras.Model(inputs, keras.layers.Dense(2)(inputs)), path)
    assert zipfile.is_zipfile(path) and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["model.h5", "model", "model.keras.zip"])
def test_a_name_that_keras_would_refuse(tmp_path, name):
    with pytest.raises(ValueError, match=f"path: got .*{name}; expected a name that ends in .kera"):
        save_keras(zoo.create_model("lenet5"), tmp_path / name)
    assert not list(tmp_path.iterdir())
