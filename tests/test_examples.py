"""The example apps, as a user runs them; what they save opens in a process without this library."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
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


# A data source of one's own.


def test_training_on_a_data_source_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "examples"))
    monkeypatch.syspath_prepend(ROOT / "examples")
    command = ["recipes.lenet5", "--epochs=2", "--warmup_epochs=0", "--noexport"]
    printed(run_module(*command, "--data=own_data:squares,count=640",
                       f"--run_dir={tmp_path / 'run'}", cwd=tmp_path))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["data"] == "own_data:squares,count=640"
    assert summary["images"] == {"train": 640, "validation": 200}
    assert summary["steps"] == 10
    assert (tmp_path / "run" / "classes.txt").read_text() == "border\nfilled\n"
    wrong = run_module(*command, "--data=own_data:squares,size=3", cwd=tmp_path)
    assert wrong.returncode == 2 and wrong.stderr.startswith(
        "error: --data: data source own_data:squares: got an unexpected keyword argument 'size'; "
        "expected own_data:squares with options of (count: int = 2000)"
    )
