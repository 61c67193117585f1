"""The example apps, as a user runs them; what they save opens in a process without this library."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from launch import ROOT, run_module
from PIL import Image

LOAD = """
import sys
import keras, numpy as np
model = keras.models.load_model("app.keras")
backend = keras.backend.backend()
np.save(f"{backend}.npy", model.predict(np.load("pictures.npy"), verbose=0))
print(backend, "zoo" in sys.modules)
"""


def printed(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fine_tuning_a_folder(tmp_path):
    printed(run_module("tools.digits_folder", f"--out={tmp_path / 'digits'}", "--train_per_class=4",
                       "--validation_per_class=1"))
    told = printed(run_module("finetune_folder", tmp_path / "digits" / "train",
                              tmp_path / "app.keras", cwd=ROOT / "examples"))
    assert "Epoch 5/5" in told and "0000.jpg: [(" in told
    pictures = np.stack([
        np.asarray(Image.open(path).convert("RGB").resize((224, 224)), "float32")
        for path in sorted((tmp_path / "digits" / "validation").rglob("*.jpg"))
    ])
    np.save(tmp_path / "pictures.npy", pictures)
    (tmp_path / "load.py").write_text(LOAD)
    on_jax = subprocess.run(
        [sys.executable, "load.py"], capture_output=True, text=True, cwd=tmp_path,
        env={
            **os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": "",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiling is most of its time
        },
    )
    answers = {}
    for backend, done in (("jax", on_jax), ("tensorflow", run_module("load", cwd=tmp_path))):
        assert printed(done).split()[-2:] == [backend, "False"]
        answers[backend] = np.load(tmp_path / f"{backend}.npy")
    assert answers["jax"].shape == (10, 10)
    np.testing.assert_allclose(answers["jax"].sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(answers["jax"], answers["tensorflow"], atol=1e-4)


@pytest.mark.parametrize(("model", "options", "first"), [
    # The rates by stages need what the Variant says of its layers.
    ("own_model:TINY", ["--model_options=width=0.5", "--stage_decay=0.5"], "stage1_conv1"),
    ("own_model:perceptron", ["--model_options=hidden=64"], "hidden"),
])
def test_training_an_own_model(model, options, first, tmp_path):
    run = tmp_path / "run"
    told = printed(run_module(
        "recipes.lenet", f"--model={model}", *options, f"--run_dir={run}", "--epochs=1",
        "--train_images=500", "--warmup_epochs=0", cwd=ROOT / "examples",
    ))
    assert f"model = {model}" in told
    assert json.loads((run / "recipe.json").read_text())["model"] == model
    loaded = keras.models.load_model(run / "model.keras")
    assert next(layer.name for layer in loaded.layers if layer.weights) == first
    assert loaded.output_shape == (None, 10)
