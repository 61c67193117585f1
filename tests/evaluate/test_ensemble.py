"""Ensembles: means by hand in float64, and the tool on the checkpoints of a real run."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from launch import run_module

import zoo
from zoo.augment import parse_policy
from zoo.core.gradients import Settings
from zoo.data import open_source
from zoo.data.splits import ArraySplit
from zoo.evaluate.ensemble import (
    Member,
    load_members,
    mean_of_probabilities,
    mean_of_weights,
    renew_statistics,
)
from zoo.recipe import Recipe
from zoo.train.batches import recipe_batches

RECIPE = Recipe(model="resnet18", model_options="width=0.1", channels=1, mean=(1.0,), std=(1.0,))


def member(name: str, seed: int, recipe: Recipe = RECIPE) -> Member:
    keras.utils.set_random_seed(seed)
    model = zoo.create_model("resnet18", num_classes=3, input_shape=(32, 32, 1), width=0.1,
                             dropout=0.1)
    model.card = dataclasses.replace(
        model.card, recipe=dataclasses.asdict(recipe), class_names=("a", "b", "c")
    )
    return Member(name, model)


def test_mean_of_probabilities():
    logits = np.random.default_rng(0).normal(0, 5, (3, 4, 5))
    forwards = [lambda images, own=own: tf.constant(own, tf.float16) for own in logits]
    got = mean_of_probabilities(forwards)(tf.zeros([4, 2, 2, 1], tf.uint8)).numpy()
    exact = np.exp(logits.astype(np.float16).astype(np.float64))
    want = (exact / exact.sum(-1, keepdims=True)).mean(0)
    np.testing.assert_allclose(np.exp(got), want, rtol=1e-5)


def test_mean_of_weights():
    members = [member("one", 1), member("two", 2), member("three", 3)]
    for number, one in enumerate(members):
        one.model.get_layer("stem_bn1").moving_mean.assign([float(number)] * 6)
    mean = mean_of_weights(members)
    for variable in mean.trainable_variables:
        each = [next(v for v in one.model.variables if v.path == variable.path).numpy()
                for one in members]
        np.testing.assert_allclose(variable.numpy(), np.mean(each, 0), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(mean.get_layer("stem_bn1").moving_mean.numpy(), np.ones(6))


def test_statistics_for_a_mean_of_weights():
    """The first normalisation's are the moments of what comes to it; the frozen ones stay."""
    some = open_source("mnist5k").splits["train"].subset(np.arange(0, 4000, 63))
    images = np.pad(some.images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    split = ArraySplit(images, some.labels)
    recipe = dataclasses.replace(
        RECIPE, image_size=32, eval_resize=32, crop_area=(1, 1), augment="", batch_size=16
    )
    model = mean_of_weights([member("one", 1), member("two", 2)])
    bn = model.get_layer("stem_bn1")
    before = bn.moving_mean.numpy()
    batches = recipe_batches(recipe, split, image_size=32, batch_size=16)
    settings = Settings(num_classes=3, mean=recipe.mean, std=recipe.std, batch_size=16, seed=0,
                        scales_loss=False, jit_compile=False)
    renew_statistics(model, batches, 4, parse_policy(""), settings, freeze_bn=True)
    np.testing.assert_array_equal(bn.moving_mean.numpy(), before)
    renew_statistics(model, batches, 4, parse_policy(""), settings)
    assert all(layer.trainable for layer in model.layers)
    seen = keras.Model(model.input, bn.input)(images.astype("float32") - 1).numpy()
    by_channel = seen.reshape(-1, seen.shape[-1])
    np.testing.assert_allclose(bn.moving_mean.numpy(), by_channel.mean(0), rtol=1e-4, atol=1e-3)
    # The mean of four batches' variances is a little below that of all images at once.
    ratio = bn.moving_variance.numpy() / by_channel.var(0)
    assert ratio.min() > 0.9 and ratio.max() < 1.01


def test_no_mean_of_other_networks():
    other = member("two", 2, dataclasses.replace(RECIPE, mean=(2.0,)))
    with pytest.raises(ValueError, match=r"^--mean_of: weights of mean=\(2\.0,\) \(two\) and "):
        mean_of_weights([member("one", 1), other])


def test_snapshots_of_a_run(finished_run, tmp_path):
    """It keeps the checkpoints of its last two of three epochs."""
    out = tmp_path / "out"
    done = run_module("tools.ensemble", f"--run_dirs={finished_run}", "--checkpoints=evaluated",
                      f"--out={out}")
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"top-1 ([\d.]+) % \(.*?\), top-5 .*, loss ([\d.]+): (.*)", done.stdout)
    assert [name for *_, name in rows] == [
        f"{finished_run} step 62", f"{finished_run} step 93", "mean of probabilities"
    ]
    members = load_members([finished_run], evaluated=True)
    assert members[0].model.class_names == tuple("0123456789")
    # The last one is the run's own figure.
    report = (finished_run / "report.md").read_text()
    assert f"| validation | 1000 | {rows[1][0]} (" in report
    figures = json.loads((out / "figures.json").read_text())  # those of the mean
    assert f"{100 * figures['top_1']:.2f}" == rows[2][0] and (out / "predictions.csv").exists()
    # Convexity: the mean's loss is at most the mean of the losses.
    assert float(rows[2][1]) <= (float(rows[0][1]) + float(rows[1][1])) / 2 + 1e-4


def test_a_run_that_keeps_no_evaluated_checkpoint(finished_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run, ignore=shutil.ignore_patterns("ckpt-*"))
    done = run_module("tools.ensemble", f"--run_dirs={run}", "--checkpoints=evaluated")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        f"error: --run_dirs: {run} keeps no checkpoint of an evaluation; expected a run with "
    )


@pytest.mark.parametrize("arguments, part", [
    ((), "--run_dirs: got none; expected folders joined by commas"),
    (("--run_dirs=RUN",), "--run_dirs: got one model, "),
    (("--run_dirs=RUN,RUN", "--split=test"), "--split: got test; expected one of train, valid"),
])
def test_errors_are_one_line(arguments, part, finished_run):
    done = run_module(
        "tools.ensemble", *(text.replace("RUN", str(finished_run)) for text in arguments)
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {part}") and done.stderr.count("\n") == 1
