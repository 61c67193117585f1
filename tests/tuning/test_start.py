"""The checks before a run: what they say of figures, and of a network that cannot start."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from zoo.cli import find_recipe
from zoo.recipe import Recipe
from zoo.spec import parse_options
from zoo.tuning.start import (
    BATCHES,
    Passes,
    by_heart,
    check_schedule,
    check_start,
    entropy,
    judge_black,
    judge_by_heart,
    judge_start,
    loss_of_a_guess,
)

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("[a-z]*.py"))


def passes(*losses, top_1=1.0):
    return Passes([2.3, *losses], [0.1] * len(losses) + [top_1])


def test_loss_of_a_guess():
    assert loss_of_a_guess("cross_entropy", 1000) == pytest.approx(math.log(1000))
    assert loss_of_a_guess("kullback_leibler", 10) == pytest.approx(math.log(10))
    assert loss_of_a_guess("binary_cross_entropy", 10) == pytest.approx(math.log(2))
    assert loss_of_a_guess("mean_squared_error", 10) == pytest.approx((0.9**2 + 9 * 0.1**2) / 10)


def test_rates_of_the_checks():
    """0 while the first pass measures, up to the peak in a tenth of the steps, and there."""
    recipe = dataclasses.replace(
        find_recipe("lenet"), learning_rate=0.1, batch_size=64, base_batch_size=128
    )
    rate = check_schedule(recipe, 50)
    at = [float(rate(tf.constant(step, tf.int64))) for step in (0, 4, 5, 6, 9, 10, 54)]
    np.testing.assert_allclose(at, [0, 0, 0.01, 0.02, 0.05, 0.05, 0.05], rtol=1e-6)


def test_entropy_of_labels():
    assert entropy(np.arange(50).reshape(5, 10) % 10) == pytest.approx(math.log(10))
    assert entropy(np.zeros((5, 8), int)) == 0
    assert entropy(np.array([[3, 3, 3, 0]])) == pytest.approx(
        -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    )


@pytest.mark.parametrize(("verdict", "passed", "words"), [
    (judge_start(2.4, 2.303, 10), True, "2.400; of equal probabilities for 10 classes: 2.303. As"),
    (judge_start(3.5, 2.303, 10), True, "High"),
    (judge_start(9.0, 2.303, 10), False, "tools.data_statistics"),
    (judge_start(1.5, 2.303, 10), False, "labels in the images"),
    (judge_start(float("nan"), 2.303, 10), False, "--mean and --std"),
    (judge_by_heart(passes(1.0, 0.1), 300), True, "top-1 100.0 %, loss 0.100 after 10 of 300"),
    (judge_by_heart(passes(9.0, top_1=0.1), 300), False, "diverges"),
    (judge_by_heart(passes(float("nan"), top_1=0.1), 300), False, "diverges"),
    (judge_by_heart(passes(2.29, top_1=0.1), 300), False, "does not learn"),
    (judge_by_heart(passes(0.4, top_1=0.99), 300), False, "It learns, but not all"),
    (judge_black(passes(0.1), passes(2.3), 2.29), True, "entropy is 2.290. As it should be"),
    (judge_black(passes(0.1), passes(0.3), None), True, "loss 0.300 after 5 steps"),
    (judge_black(passes(2.0), passes(2.3), 2.29), False, "not learn from the images"),
    (judge_black(passes(0.1), passes(1.5), 2.29), False, "cannot be learnt from black"),
    (judge_black(passes(0.1), passes(float("nan")), 2.29), False, "cannot be learnt from black"),
])
def test_verdicts(verdict, passed, words):
    assert verdict.passed is passed and words in verdict.text


def test_what_is_left_out():
    """Of recipes that have all of it."""
    recipe = Recipe(
        model="googlenet", model_options="width=0.5", augment="flip|mixup(0.2)",
        scale_jitter=(256, 480), label_smoothing=0.1, l1_penalty=1e-5, class_weights="balanced",
        aux_weight=0.3, averaging="ema(0.999)", teacher="timm:resnet50d.ra2_in1k",
        temperature=4.0, decoupled_decay=True, clip_norm=1.0, run_dir="runs/x", learning_rate=0.3,
    )
    bare = by_heart(recipe)
    assert parse_options(bare.model_options) == {"width": 0.5, "dropout": 0.0}
    assert (bare.weight_decay, bare.augment, bare.crop_area) == (0, "", (1, 1))
    kept = ("model", "clip_norm", "learning_rate", "optimizer", "mean", "data", "image_size")
    assert all(getattr(bare, name) == getattr(recipe, name) for name in kept)
    changed = set(bare.difference(Recipe()))
    assert changed == {
        "model", "model_options", "augment", "crop_area", "weight_decay", "clip_norm",
        "learning_rate",
    }
    # The batches of the checks are a few, which are sent.
    on_device = dataclasses.replace(find_recipe("lenet"), data_on_device=True)
    assert not by_heart(on_device).data_on_device
    options = by_heart(dataclasses.replace(find_recipe("lenet"), model="resnet18",
                                           model_options="stochastic_depth=0.2")).model_options
    assert parse_options(options) == {"dropout": 0.0, "stochastic_depth": 0.0}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_can_be_checked(path):
    bare = by_heart(find_recipe(path.stem))
    assert (bare.augment, bare.weight_decay, bare.label_smoothing) == ("", 0, 0)


def test_a_network_that_cannot_start():
    """Inputs of thousands instead of ones, and hardly a rate: each check finds a fault."""
    recipe = dataclasses.replace(
        find_recipe("mlp"), batch_size=16, base_batch_size=16, mean=(0.0,), std=(0.01,),
        learning_rate=1e-12,
    )
    start, heart, black = check_start(recipe, steps=2 * BATCHES)
    assert not start.passed and "--mean and --std" in start.text
    assert not heart.passed and "does not learn" in heart.text and "10 of 10 steps" in heart.text
    assert not black.passed and "not learn from the images" in black.text
