"""Each format, opened by the program that it is for, and the check that every export passes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import numpy as np
import onnxruntime
import openvino
import pytest
from ai_edge_litert.interpreter import Interpreter

import zoo
from zoo.data.mnist5k import load_digits
from zoo.export import formats
from zoo.export.exporting import record_of, usage
from zoo.weights.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def model():
    return zoo.create_model("lenet5", weights="mnist")


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits()
    return images[::50], labels[::50]


@pytest.fixture(scope="module")
def expected(model, digits):
    """Probabilities by the Keras model and plain NumPy."""
    logits = model.predict(zoo.preprocess_input(digits[0], model), verbose=0).astype("float64")
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def by_litert(folder, images):
    run = Interpreter(str(folder / "model.tflite")).get_signature_runner("serving_default")
    return run(images=images)["probabilities"]


def by_onnx(folder, images):
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return session.run(["probabilities"], {"images": images})[0]


def by_openvino(folder, images):
    compiled = openvino.Core().compile_model(
        folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return compiled({"images": images})["probabilities"]


def by_jax(folder, images):
    """In a process of its own: a process has one backend."""
    np.save(folder / "images.npy", images)
    program = """
import sys
class Absent:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] in ("tensorflow", "zoo"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import keras, numpy as np
model = keras.models.load_model("model.keras")
np.save("answer.npy", model(np.load("images.npy"))["probabilities"])
assert keras.backend.backend() == "jax"
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    return np.load(folder / "answer.npy")


# SavedModels: test_saved_model.py.
CALLS = {"litert": by_litert, "onnx": by_onnx, "openvino": by_openvino, "keras": by_jax}


@pytest.mark.parametrize("name", CALLS)
def test_each_format_answers_as_the_keras_model(name, model, digits, expected, tmp_path, capfd):
    folder = zoo.export_model(
        model, tmp_path / "models", format=name, images=digits[0], labels=digits[1], of="digits"
    )
    assert folder == tmp_path / "models" / "1"
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["1"]
    for images, of_model in ((digits[0], expected), (digits[0][:1], expected[:1])):
        np.testing.assert_allclose(
            CALLS[name](folder, images.astype("float32")), of_model, atol=2e-6
        )
    record = json.loads((folder / "export.json").read_text())
    check = record["check"]
    assert (record["format"], record["precision"], record["model"]) == (name, "float32", "lenet5")
    assert 0 < check["largest_difference"] < 2e-6 and check["label_agreement"] == 1
    share = float(np.mean(expected.argmax(axis=1) == digits[1]))
    assert check["accuracy"] == {"keras": share, "exported": share} and share > 0.98
    assert (check["images"], check["of"]) == (100, "digits")
    card = (folder / "README.md").read_text()
    for text in ("# lenet5", "61,706 parameters", "apache-2.0", "28x28, grey", "on 100 images",
                 "mnist at 28 pixels, published with"):
        assert text in card, text
    if name != "keras":
        capfd.readouterr()
        exec(usage(folder), {})
        assert capfd.readouterr().out.strip().endswith("]")


@pytest.mark.parametrize(("name", "precision", "share", "bound"), [
    ("litert", "int8", 0.35, 0.1), ("litert", "int8_dynamic", 0.35, 0.1),
    ("onnx", "int8", 0.4, 0.2), ("keras", "bfloat16", 0.7, 2e-2),
])
def test_less_precise_files_are_smaller_and_keep_the_labels(
    name, precision, share, bound, model, digits, expected, tmp_path
):
    """share: of the bytes of the values in float32; bound: of the largest difference."""
    folder = zoo.export_model(
        model, tmp_path, format=name, precision=precision, images=digits[0], labels=digits[1],
        representative=digits[0][::2],
    )
    record = record_of(folder)
    assert record["bytes"] < share * 4 * 61_706 + 20_000
    assert 1e-5 < record["check"]["largest_difference"] < bound
    answers = formats.find(name).module.opened(folder)(digits[0].astype("float32"))
    assert answers.dtype == np.float32
    assert np.mean(answers.argmax(axis=1) == expected.argmax(axis=1)) >= 0.99
    # The softmax stays in float32: in 8 bits the small probabilities would be 0.
    assert len(np.unique(answers)) > 256


def test_answers_past_the_bound_leave_nothing(model, digits, tmp_path):
    """Ranges from black images, which are those of no digit."""
    with pytest.raises(ValueError, match="differs from the Keras model by .* bound of 0.5; on 100"):
        zoo.export_model(
            model, tmp_path, format="litert", precision="int8", images=digits[0],
            representative=np.zeros((2, 28, 28, 1), np.uint8),
        )
    assert list(tmp_path.iterdir()) == []


def test_images_that_packages_ship_where_none_are_given(tmp_path):
    """Two photographs, at four sizes and mirrored, for a model of colours."""
    model = zoo.create_model("mobilenet_v1_025", num_classes=3, input_shape=(40, 40, 3))
    model.class_names = ("a", "b", "c|d")
    model.preprocessing = Preprocessing(40, 46, "bicubic", (123.7, 116.3, 103.5), (58.4,) * 3)
    folder = zoo.export_model(model, tmp_path, format="keras")
    check = record_of(folder)["check"]
    assert check["images"] == 16 and "scikit-learn" in check["of"] and check["accuracy"] == {}
    assert "c\\|d" in (folder / "README.md").read_text()
    written = keras.models.load_model(folder / "model.keras")
    assert not any("bn" in layer.name for layer in written._flatten_layers())


@pytest.mark.parametrize(("given", "message"), [
    ({"format": "onnxx"}, "--format: got 'onnxx'; expected one of saved_model, litert"),
    ({"precision": "int4"}, "--precision: got 'int4'; expected one of float32, bfloat16"),
    ({"precision": "int8"}, "--format=saved_model: Keras' quantizer knows no convolution; exp"),
    ({"format": "onnx", "precision": "bfloat16"}, "have no bfloat16; expected one of float32"),
    ({"format": "litert", "precision": "int8"}, "int8 takes the ranges .* expected --data"),
    ({"images": np.zeros((2, 28, 28))}, r"got images of shape \(2, 28, 28\); expected \[N, 28"),
    ({"images": np.zeros((0, 28, 28, 1))}, "got images of shape"),
])
def test_errors(given, message, model, tmp_path):
    with pytest.raises(ValueError, match=message):
        zoo.export_model(model, tmp_path / "models", **given)
    assert not (tmp_path / "models").exists()


def test_packages_that_are_missing_are_told_with_the_extra(model, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"litert needs ai_edge_litert, .* pip install 'k.*\[lit"):
        zoo.export_model(model, tmp_path / "models", format="litert")
