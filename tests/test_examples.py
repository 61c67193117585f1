"""The example apps, as a user runs them; what they save opens in a process without this library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from launch import ROOT, run_module
from PIL import Image

import zoo
from zoo.augment import parse_policy
from zoo.core.optimizer import make_optimizer
from zoo.core.schedule import make_schedule

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


# Parts of one's own by address: an operation, an optimizer, a schedule.

OWN = {
    "augment": "own_operation:Tint(0.2)", "optimizer": "own_optimizer:lion(beta_2=0.98)",
    "schedule": "own_schedule:cooldown(0.5)",
}


@pytest.fixture
def examples(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))


def test_a_run_with_own_parts(tmp_path):
    """Six steps through the entry point: the rate at the end of each epoch is the schedule's."""
    out = tmp_path / "run"
    printed(run_module(
        "recipes.lenet5", *(f"--{name}={spec}" for name, spec in OWN.items()), f"--run_dir={out}",
        "--train_images=150", "--batch_size=50", "--base_batch_size=50", "--learning_rate=0.001",
        "--epochs=2", "--warmup_epochs=0", "--export=false", cwd=ROOT / "examples",
    ))
    recipe = json.loads((out / "recipe.json").read_text())
    assert {name: recipe[name] for name in OWN} == OWN
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    rates = [record["learning_rate"] for record in records]
    np.testing.assert_allclose(rates, [0.001, 0.001 / 3], rtol=1e-5)  # at steps 2 and 5 of 6
    reader = tf.train.load_checkpoint(str(out / "checkpoints"))
    assert any(name.startswith("slots/mean/") for name in reader.get_variable_to_shape_map())


@pytest.mark.parametrize("flag, part", [
    ("--augment=own_operation:Tint(2)", "error: --augment: Tint: got strength=2; expected"),
    ("--augment=own_operation:dataclass", "--augment: operation own_operation:dataclass: got "),
    ("--optimizer=own_optimizer:lion(1)", "error: --optimizer: lion: got betas 1, 0.99; expected"),
    ("--optimizer=own_schedule:cooldown", "--optimizer: optimizer own_schedule:cooldown: got func"),
    ("--schedule=own_schedule:cooldown(0)", "error: --schedule: cooldown: got share=0; expected"),
    ("--schedule=own_schedule:Missing", "error: --schedule: got schedule 'own_schedule:Missing',"),
])
def test_own_parts_that_cannot_be(tmp_path, flag, part):
    done = run_module("recipes.lenet5", flag, f"--run_dir={tmp_path / 'run'}",
                      cwd=ROOT / "examples")
    assert done.returncode == 2 and part in done.stderr.splitlines()[-1], done.stderr
    assert not (tmp_path / "run").exists()


def test_tint(examples):
    policy = parse_policy(OWN["augment"])
    images = tf.constant(np.full((4, 5, 5, 3), 100, np.uint8))
    labels = tf.eye(4)
    seen, same = policy(images, labels, tf.constant([1, 2]))
    factors = policy.sample(tf.constant([1, 2]), 4, 5)[0].numpy()
    assert np.all(np.abs(factors - 1) <= 0.2) and len(np.unique(factors)) == 12
    np.testing.assert_allclose(seen, np.broadcast_to(100 * factors, seen.shape), rtol=1e-6)
    np.testing.assert_array_equal(same, labels)
    compiled = tf.function(policy.apply, jit_compile=True)
    bright = tf.fill([4, 5, 5, 1], 250.0)
    got, _ = compiled(bright, labels, policy.sample(tf.constant([1, 2]), 4, 5))
    want = np.minimum(250 * factors[..., :1], 255)
    np.testing.assert_allclose(got, np.broadcast_to(want, got.shape), rtol=1e-6)


def test_lion(examples):
    optimizer = make_optimizer("own_optimizer:lion(0.9, beta_2=0.5)", weight_decay=0.1)
    weights = {"kernel": tf.constant([[1.0, -2.0]]), "bias": tf.constant([3.0])}
    slots = {"mean": {path: tf.zeros_like(w) for path, w in weights.items()}}
    for step, sign in enumerate((1, -1)):
        gradients = {"kernel": tf.constant([[4.0, -1.0]]) * sign, "bias": tf.constant([2.0]) * sign}
        weights, slots = optimizer.update(
            weights, slots, gradients, tf.constant(0.1), tf.constant(step, tf.int64)
        )
    # m after the first step is g / 2: 0.9 g / 2 - 0.1 g still has the sign of g.
    kernel = np.array([[1.0, -2.0]])
    for _ in range(2):
        kernel = kernel - 0.1 * (np.array([[1.0, -1.0]]) + 0.1 * kernel)
    np.testing.assert_allclose(weights["kernel"], kernel, rtol=1e-6)
    np.testing.assert_allclose(weights["bias"], [2.8], rtol=1e-6)
    np.testing.assert_allclose(slots["mean"]["bias"], [-0.5], rtol=1e-6)


def test_cooldown(examples):
    schedule = make_schedule(
        OWN["schedule"], peak=0.4, steps_per_epoch=5, epochs=4, warmup_epochs=0.4
    )
    rates = [float(schedule(tf.constant(step, tf.int64))) for step in range(21)]
    want = [0.5, 1.0] + [1.0] * 9 + [1 - step / 10 for step in range(1, 11)]
    np.testing.assert_allclose(rates, 0.4 * np.array(want), rtol=1e-6, atol=1e-7)


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


def test_the_notebook_runs_from_top_to_bottom(finished_run, tmp_path, monkeypatch, capsys):
    """Without its first cell, which installs, and on a run that has ended."""
    notebook = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text())
    assert notebook["nbformat"] == 4 and notebook["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    install, *cells = ("".join(cell["source"]) for cell in code)
    assert install.splitlines()[-1] == "%pip install -q keras-reference-zoo"
    shutil.copytree(finished_run, tmp_path / "runs" / "digits")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    # In the process that has TensorFlow already, with the flags that the run began with.
    monkeypatch.setattr(subprocess, "run", lambda command, **_: run_module(
        *command[2:], "--epochs=3", "--keep=last", cwd=tmp_path))
    names = {}
    for cell in cells:
        exec(cell, names)
    out = capsys.readouterr().out
    assert "runs/digits is finished" in out
    assert out.count("taken for") == 10 and out.splitlines()[-1].startswith("[b'")
    assert zoo.load_model("round.safetensors").class_names == ("not round", "round")
