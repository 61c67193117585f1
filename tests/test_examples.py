"""The example apps, as a user runs them; what they save opens in a process without this library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
LOAD = """
import sys
import keras, numpy as np
model = keras.models.load_model("app.keras")
np.save("loaded.npy", model.predict(np.load("pictures.npy"), verbose=0))
print(keras.backend.backend(), "zoo" in sys.modules)
"""


def run(*arguments, **environment):
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True,
        cwd=environment.pop("cwd", ROOT), env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_fine_tuning_a_folder(tmp_path):
    run("-m", "tools.digits_folder", f"--out={tmp_path / 'digits'}", "--train_per_class=8",
        "--validation_per_class=1")
    app = tmp_path / "app.keras"
    told = run(
        "examples/finetune_folder.py", str(tmp_path / "digits" / "train"), str(app),
        PYTHONPATH=str(ROOT),
    )
    assert "Epoch 5/5" in told and "0000.jpg: [(" in told
    pictures = np.stack([
        np.asarray(Image.open(path).convert("RGB").resize((224, 224)), "float32")
        for path in sorted((tmp_path / "digits" / "validation").rglob("*.jpg"))
    ])
    np.save(tmp_path / "pictures.npy", pictures)
    answers = {}
    for backend in ("tensorflow", "jax"):
        told = run("-c", LOAD, KERAS_BACKEND=backend, PYTHONPATH="", cwd=tmp_path)
        assert told.split()[-2:] == [backend, "False"]
        answers[backend] = np.load(tmp_path / "loaded.npy")
    assert answers["jax"].shape == (10, 10)
    np.testing.assert_allclose(answers["jax"].sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(answers["jax"], answers["tensorflow"], atol=1e-4)
