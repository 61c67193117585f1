"""What a finished run leaves in its folder, and what it says."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.data import open_source
from zoo.evaluate import kept
from zoo.recipe.file import read_recipe
from zoo.report import plots


def test_files(finished_run):
    names = {path.name for path in finished_run.iterdir() if not path.name.startswith(".")}
    assert names == {
        "recipe.json", "launches.jsonl", "classes.txt", "checkpoints", "metrics.jsonl",
        "tensorboard", "curves.png", "confusion.png", "report.md", "summary.json",
        "model.safetensors", "model.keras", "export", "stdout.txt", "best", "report.html",
        "predictions.csv",
    }
    assert not [path for path in finished_run.iterdir() if path.name.startswith(".")]


def test_recipe_and_launch(finished_run):
    recipe = read_recipe(finished_run)
    assert (recipe.name, recipe.epochs, recipe.data) == ("lenet5", 3, "mnist5k")
    launch = json.loads((finished_run / "launches.jsonl").read_text())
    command = "recipes.lenet5 --flagfile=quickstart --epochs=3 --keep=last"
    assert command in launch["command"]
    assert launch["versions"]["keras"].startswith("3.")
    assert len(launch["git_commit"].rstrip("+")) in (0, 40)


def test_summary_is_what_the_model_does(finished_run):
    """top_1 of the summary, recomputed from model.keras' weights with NumPy."""
    summary = json.loads((finished_run / "summary.json").read_text())
    model = zoo.load_model(finished_run)
    known = model.preprocessing
    split = open_source("mnist5k").splits["validation"]
    x = (split.images.astype("float32") - known.mean[0]) / known.std[0]
    logits = model.predict(x, verbose=0)
    top_1 = np.mean(logits.argmax(axis=1) == split.labels)
    assert summary["validation"]["top_1"] == top_1
    assert summary["validation"]["top_1"] > 0.9
    assert summary["images"] == {"train": 4000, "validation": 1000}
    assert summary["parameters"] == 61706
    records = [json.loads(line) for line in (finished_run / "metrics.jsonl").open()]
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert records[-1]["top_1"] == top_1
    assert records[0]["train_loss"] > records[-1]["train_loss"]
    assert model.class_names == tuple("0123456789")


def test_predictions_are_those_of_the_model(finished_run):
    predictions = kept.read(finished_run)
    summary = json.loads((finished_run / "summary.json").read_text())["validation"]
    assert np.mean(predictions.correct) == summary["top_1"]
    assert np.mean(predictions.losses) == pytest.approx(summary["loss"])
    rows = list(csv.DictReader((finished_run / "predictions.csv").open()))
    split = open_source("mnist5k").splits["validation"]
    model = zoo.load_model(finished_run)
    x = (split.images.astype("float32") - model.preprocessing.mean[0]) / model.preprocessing.std[0]
    shares = tf.nn.softmax(model.predict(x, verbose=0)).numpy()
    assert [row["label"] for row in rows] == [str(label) for label in split.labels]
    assert [row["answer"] for row in rows] == [str(answer) for answer in shares.argmax(1)]
    told = np.array([[row["probability"], row["label_probability"]] for row in rows], float)
    own = np.stack([shares.max(1), shares[np.arange(1000), split.labels]], 1)
    np.testing.assert_allclose(told, own, rtol=1e-3, atol=1e-6)


def test_report_and_output_name_the_files(finished_run):
    report = (finished_run / "report.md").read_text()
    for text in ("curves.png", "confusion.png", "| validation | 1000 |", "tf.saved_model.load",
                 "What the curves say:", '"model": "lenet5"'):
        assert text in report
    output = (finished_run / "stdout.txt").read_text()
    assert "  epochs = 3   (recipe: 20)" in output
    for text in ("run folder:", "epoch 3/3:", "SavedModel:", "report.html",
                 "model.safetensors", "model.keras"):
        assert text in output


def test_tensorboard_has_the_scalars(finished_run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished_run / "tensorboard")).Reload()
    tags = events.Tags()["tensors"]
    assert set(tags) >= {
        "train/loss", "train/top_1", "train/learning_rate", "train/loss_scale",
        "train/gradient_norm", "train/weight_norm", "train/images_per_second",
        "validation/top_1", "validation/loss",
    }
    steps = [event.step for event in events.Tensors("validation/top_1")]
    assert steps == [31, 62, 93]
    assert events.Tags()["graph"]
    shown = {
        name: [tf.io.decode_png(png).numpy() for png in events.Tensors(name)[0].tensor_proto
               .string_val[2:]]  # behind width and height
        for name in ("train/augmented", "validation/confusion")
    }
    assert [image.shape for image in shown["train/augmented"]] == [(28, 28, 1)] * 16
    assert all(image.max() > 200 for image in shown["train/augmented"])
    assert len(shown["validation/confusion"]) == 1
    assert min(shown["validation/confusion"][0].shape[:2]) > 250


def test_pictures(finished_run, tmp_path):
    for name in ("curves.png", "confusion.png"):
        image = np.asarray(Image.open(finished_run / name).convert("L"))
        assert min(image.shape) > 250
        assert image.std() > 10
    # Many classes: no names, still a picture.
    plots.draw_confusion(np.eye(100, dtype=int), tuple(map(str, range(100))), tmp_path / "c.png")
    assert Image.open(tmp_path / "c.png").size[0] > 500
