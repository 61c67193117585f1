"""What readers give for good files: real ones (files/README.md says how they were made) and built
ones. No other library is needed.
"""

from __future__ import annotations

import os
import zipfile

import h5py
import keras
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file
from weight_files import (
    FILES,
    GOOD,
    VALUES,
    assert_equal,
    call,
    dict_of,
    number,
    refused,
    tensor,
    text,
    write_h5,
    write_legacy,
    write_zip,
)

from zoo.weights.readers import keras_h5, kind_of, read_layers, read_tensors

# File -> its kind and the file of its values.
REAL = {
    "zip.pth": ("pytorch", "torch.npz"), "legacy.pth": ("pytorch", "torch.npz"),
    "net.params": ("mxnet", "net.npz"), "arrays.params": ("mxnet", "arrays.npz"),
    "numpy.params": ("mxnet", "numpy.npz"), "keras2.h5": ("keras_h5", "keras2.npz"),
}
DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool")


@pytest.mark.parametrize("name", REAL)
def test_real_files(name):
    kind, values = REAL[name]
    assert kind_of(FILES / name) == kind
    assert_equal(read_tensors(str(FILES / name)), dict(np.load(FILES / values)))


def test_safetensors_of_all_types(tmp_path):
    path = tmp_path / "misleading.h5"
    expected = np.arange(6).reshape(2, 3)
    save_file({name: expected.astype(name) for name in DTYPES}, path)
    assert kind_of(path) == "safetensors"
    wide = {"float16": "float32", "bfloat16": "float32"}
    assert_equal(
        read_tensors(path), {name: expected.astype(wide.get(name, name)) for name in DTYPES}
    )
    save_file({"x": np.zeros(3, ml_dtypes.float8_e4m3fn)}, path)
    refused(path, "'x'", "F8_E4M3", "F32")


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize(("value", "expected"), [
    (dict_of(a=GOOD), {"a": VALUES.reshape(3, 4)}),
    (dict_of(a=tensor((2, 3), (1, 4), offset=1)), {"a": np.float32([[1, 5, 9], [2, 6, 10]])}),
    (dict_of(a=tensor((0, 3), (3, 1))), {"a": np.zeros((0, 3), "f4")}),
    (dict_of(a=GOOD, n=number(7), best=text("x")), {"a": VALUES.reshape(3, 4)}),
    (dict_of(a=GOOD, best=call("numpy.core.multiarray scalar", call(
        "numpy dtype", text("f8")) + dict_of() + b"b", b"C\x01x")), {"a": VALUES.reshape(3, 4)}),
    (dict_of(**{"module.a": GOOD, "module.b": tensor((1,), (1,), 11)}),
     {"module.a": VALUES.reshape(3, 4), "module.b": VALUES[11:]}),
    # The only one, whatever its key is; an optimizer's are under numbers.
    (dict_of(epoch=number(1), run=dict_of(network=dict_of(a=GOOD)), optimizer=dict_of(
        state=b"}" + number(0) + dict_of(mean=tensor((1,), (1,))) + b"s")),
     {"a": VALUES.reshape(3, 4)}),
    (dict_of(epoch=number(3), state_dict=dict_of(a=tensor((1,), (1,))), args=call(
        "torch device", text("cpu"))), {"a": VALUES[:1]}),
    (dict_of(model=dict_of(a=tensor((1,), (1,))), state_dict_ema=dict_of(a=GOOD)),
     {"a": VALUES.reshape(3, 4)}),
    # argparse.Namespace(lr=1) and OrderedDict's _metadata
    (dict_of(args=b"cargparse\nNamespace\n)\x81" + dict_of(lr=number(1)) + b"b",
             model=call("collections OrderedDict") + b"(" + text("a") + GOOD + b"u"
             + dict_of(_metadata=b"}", items=number(1)) + b"b"), {"a": VALUES.reshape(3, 4)}),
])
def test_checkpoints(tmp_path, write, value, expected):
    tensors = read_tensors(write(tmp_path / "x.pth", value))
    assert_equal(tensors, {name: np.asarray(value) for name, value in expected.items()})


def test_one_of_several_dictionaries_is_chosen_behind_the_file(tmp_path):
    path = write_zip(tmp_path / "x.pth", dict_of(
        teacher=dict_of(a=GOOD), student=dict_of(net=dict_of(a=tensor((1,), (1,)), b=GOOD))))
    refused(path, "'teacher' (1), 'student/net' (2)", "FILE#KEY")
    assert_equal(read_tensors(f"{path}#student/net"), {"a": VALUES[:1], "b": VALUES.reshape(3, 4)})
    assert_equal(read_tensors(f"{path}#teacher"), {"a": VALUES.reshape(3, 4)})
    assert kind_of(f"{path}#teacher") == "pytorch"
    refused(f"{path}#student", "got #student; expected one of", "'student/net' (2)")
    usual = write_zip(tmp_path / "y.pth", dict_of(a=GOOD, state_dict_ema=dict_of(b=GOOD)))
    assert list(read_tensors(usual)) == ["b"] and list(read_tensors(f"{usual}#.")) == ["a"]
    other = tmp_path / "net#1.safetensors"
    save_file({"a": VALUES}, other)
    assert list(read_tensors(other)) == ["a"]  # a file of that name comes first
    save_file({"a": VALUES}, tmp_path / "net.safetensors")
    refused(f"{tmp_path}/net.safetensors#a", "got #a behind", "expected its name alone")


def test_mxnet_in_a_zip(tmp_path):
    path = tmp_path / "net.zip"
    for name in ("net.params", "../../net.params"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(FILES / "net.params", name)
        assert kind_of(path) == "mxnet"
        assert_equal(read_tensors(path), dict(np.load(FILES / "net.npz")))
        assert os.listdir(tmp_path) == ["net.zip"]  # nothing is unpacked, here or above
        assert not (tmp_path.parents[1] / "net.params").exists()
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(FILES / "net.params", "other.params")
    refused(path, "single .params")


def keras_model() -> keras.Model:
    layers = keras.layers
    return keras.Sequential([
        layers.Input((4, 4, 3)), layers.Conv2D(2, 3, name="conv"),
        layers.BatchNormalization(name="bn"), layers.Flatten(), layers.Dense(2, name="last"),
    ])


def test_files_of_keras_3(tmp_path):
    model = keras_model()
    model.save(tmp_path / "model.h5")
    tensors = read_tensors(tmp_path / "model.h5")
    assert_equal(tensors, {
        f"{layer.name}/{weight.name}": keras.ops.convert_to_numpy(weight)
        for layer in model.layers for weight in layer.weights
    })
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    assert kind_of(tmp_path / "model.keras") == "keras"
    assert kind_of(tmp_path / "model.weights.h5") == "keras_weights"
    for name in ("model.keras", "model.weights.h5"):
        refused(tmp_path / name, "zoo.create_model(NAME, weights=path)")
    named = read_layers(tmp_path / "model.keras")
    assert list(named) == ["bn", "conv", "last"]
    for layer, variables in named.items():
        expected = model.get_layer(layer).weights
        assert all(np.array_equal(*pair) for pair in zip(variables, expected, strict=True))
    numbered = read_layers(tmp_path / "model.weights.h5")
    assert list(numbered) == ["batch_normalization", "conv2d", "dense"]
    with pytest.raises(ValueError, match="got a file of kind 'keras_h5'; expected one of"):
        read_layers(tmp_path / "model.h5")


@pytest.mark.parametrize("values", [
    np.arange(6, dtype=">f8").reshape(2, 3), np.float16([1, 2]), np.float32(3), np.zeros((0, 2)),
])
def test_keras_1_files(tmp_path, values):
    path = write_h5(tmp_path / "x.h5", lambda group, name: group.create_dataset(name, data=values))
    dtype = {">f8": "f8", "<f2": "f4"}.get(values.dtype.str, values.dtype)
    assert_equal(read_tensors(path), {"a/kernel": values.astype(dtype)})


def test_keras_names_over_64_kib_are_in_parts(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for part, names in enumerate([(b"a", b"b"), (b"c",)]):
            file.attrs[f"layer_names{part}"] = np.array(names)
        for layer in "abc":
            file.create_group(layer).attrs["weight_names"] = np.array([])
        file["c"].attrs["weight_names0"] = np.array([b"c/kernel:0"])
        del file["c"].attrs["weight_names"]
        file["c"].create_dataset("c/kernel:0", data=VALUES)
    assert_equal(read_tensors(tmp_path / "x.h5"), {"c/kernel": VALUES})


def test_old_names_of_keras():
    """As in the files of VGG and ResNet-50 of 2016."""
    old = {"W": "kernel", "b": "bias", "gamma": "gamma", "beta": "beta",
           "running_mean": "moving_mean", "running_std": "moving_variance"}
    for name, today in old.items():
        assert keras_h5._variable("bn2a_branch2a", f"bn2a_branch2a_{name}_1:0") == today
