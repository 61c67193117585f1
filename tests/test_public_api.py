"""What `import zoo` offers, used as the package's docstring and README use it."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo


def test_all_names_exist():
    assert zoo.__all__ == sorted(zoo.__all__) and len(set(zoo.__all__)) == len(zoo.__all__)
    for name in zoo.__all__:
        assert hasattr(zoo, name), name
        assert getattr(zoo, name).__doc__, name
    assert {"create_model", "list_models", "model_info"} <= set(zoo.__all__)


def test_version_is_that_of_the_package():
    text = (Path(__file__).parents[1] / "setup.py").read_text()
    assert zoo.__version__ == re.search(r'version="([^"]+)"', text)[1]


def test_list_models():
    names = zoo.list_models()
    assert {"lenet", "lenet5", "mlp", "resnet18", "resnet50", "resnet50d"} <= set(names)
    some = zoo.list_models("resnet*d")
    assert "resnet50d" in some and set(some) < set(names)
    assert all(re.fullmatch("resnet.*d", name) for name in some)
    assert zoo.list_models("nothing*") == []


def test_the_docstrings_example():
    code = "\n".join(
        line.strip() for line in zoo.__doc__.splitlines() if line.startswith("    ")
    )
    assert "zoo.create_model(" in code
    names: dict = {}
    exec(code, names)
    assert isinstance(names["model"], keras.Model)
    assert names["model"].output_shape == (None, 10)


def test_create_model_predicts():
    model = zoo.create_model("lenet5", num_classes=4, input_shape=(32, 32, 3))
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
    logits = model.predict(images, verbose=0)
    assert logits.shape == (2, 4) and logits.dtype == np.float32 and np.isfinite(logits).all()


def test_model_info():
    info = zoo.model_info("lenet5")
    assert isinstance(info, zoo.ModelInfo) and info.name == "lenet5"
    assert info.input_shape == (28, 28, 1) and "LeCun" in info.paper
    assert info.trainable_parameters == 61_706  # LeNet-5 with dense 400-120-84-10, all maps joined
    assert info.macs > info.trainable_parameters


def test_wrong_names_are_answered_in_one_line():
    for use in (zoo.create_model, zoo.model_info):
        with pytest.raises(ValueError) as error:
            use("resnet51")
        assert "did you mean 'resnet50'" in str(error.value) and "\n" not in str(error.value)
