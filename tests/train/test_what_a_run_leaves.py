"""Runs with averages and with early stopping: which weights they leave, evaluate and export."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

import zoo
from recipes.mlp import RECIPE
from zoo.data import open_source
from zoo.recipe import Recipe
from zoo.runs import checkpoints
from zoo.train.loop import train
from zoo.train.prepare import prepare

QUICK = dataclasses.replace(
    RECIPE, epochs=2, batch_size=200, export=False, virtual_devices=2, model_options="",
)


def finished(recipe: Recipe, folder) -> tuple[dict, list[dict]]:
    """Summary and records."""
    assert train(prepare(dataclasses.replace(recipe, run_dir=str(folder)))) == 0
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return json.loads((folder / "summary.json").read_text()), [json.loads(line) for line in lines]


def top_1(model) -> float:
    split = open_source("mnist5k").splits["validation"]
    images = (split.images.astype("float32") - RECIPE.mean[0]) / RECIPE.std[0]
    return float(np.mean(model.predict(images, verbose=0).argmax(1) == split.labels))


def scalars(folder, name: str) -> list[float]:
    """As TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    return [float(tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(name)]


def test_averages(tmp_path):
    recipe = dataclasses.replace(
        QUICK, averaging="ema(0.98)", schedule="constant", noise_scale=True
    )
    summary, records = finished(recipe, tmp_path / "run")
    model = zoo.load_model(tmp_path / "run")
    assert records[-1]["top_1"] == summary["validation"]["top_1"] == top_1(model)
    raw = checkpoints.read_values(checkpoints.newest(tmp_path / "run"))
    assert records[-1]["raw_top_1"] == top_1(zoo.weights.model_from(model.card, raw))
    assert records[-1]["raw_loss"] != records[-1]["loss"]
    traces = scalars(tmp_path / "run", "train/noise_trace")  # of the two devices' gradients
    assert traces and all(trace > 0 for trace in traces)


def ends_badly():
    """A schedule whose last epoch has a hundred times the rate."""
    return lambda span: lambda at_step: tf.where(
        at_step < span.total_steps - span.steps_per_epoch, 1.0, 100.0
    )


@pytest.mark.parametrize("keep", ["last", "best"])
def test_the_weights_of_the_best_or_of_the_last_evaluation(tmp_path, keep, capsys):
    recipe = dataclasses.replace(
        QUICK, epochs=3, schedule=f"{__name__}:ends_badly", warmup_epochs=0.0, keep=keep,
        clip_norm=1.0,
    )
    summary, records = finished(recipe, tmp_path / "run")
    best, last = max(record["top_1"] for record in records), records[-1]["top_1"]
    assert best > last
    assert summary["validation"]["top_1"] == (best if keep == "best" else last)
    assert top_1(zoo.load_model(tmp_path / "run")) == summary["validation"]["top_1"]
    out = capsys.readouterr().out
    assert f"the weights are those of the {keep} evaluation, epoch " in out
    other = "last" if keep == "best" else "best"
    there = last if keep == "best" else best
    assert f"had {100 * there:.2f} %, outside of this interval (tools.export --keep=" in out
    assert top_1(zoo.weights.load_evaluation(tmp_path / "run", other)) == pytest.approx(there)
    assert top_1(zoo.weights.load_evaluation(tmp_path / "run", keep)) == (
        summary["validation"]["top_1"])


def test_early_stopping(tmp_path):
    """After the first epoch nothing is learnt: the second evaluation is no better."""
    recipe = dataclasses.replace(
        QUICK, epochs=9, patience=1, schedule="step(1, factor=1e-30)", warmup_epochs=0.0,
        optimizer="sgd", weight_decay=0.0,
    )
    finished(recipe, tmp_path / "run")
    summary, records = finished(recipe, tmp_path / "run")  # it knows that it has ended
    assert [record["epoch"] for record in records] == [1, 2]
    assert summary["best_validation"]["epoch"] == 1
    assert checkpoints.newest(tmp_path / "run", best=True) == tmp_path / "run/best/ckpt-20"
    model = zoo.load_model(tmp_path / "run")
    assert top_1(model) == records[0]["top_1"] == summary["validation"]["top_1"]
