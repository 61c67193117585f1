"""Runs that begin with trained weights: what is frozen, when it thaws, and where they resume."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from recipes.lenet5 import RECIPE
from zoo.core.phases import Phase
from zoo.recipe import Recipe
from zoo.train.loop import train
from zoo.train.prepare import prepare


@pytest.fixture
def recipe(finished_run, tmp_path) -> Recipe:
    return dataclasses.replace(
        RECIPE, weights=str(finished_run), run_dir=str(tmp_path / "run"), epochs=2,
        frozen_epochs=1.0, batch_size=500, export=False, mean=(), std=(), warmup_epochs=0.0,
    )


def stored(checkpoint: str, kind: str) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(checkpoint)
    return {
        key: reader.get_tensor(key) for key in reader.get_variable_to_shape_map()
        if key.startswith(kind)
    }


def moved(before: dict, after: dict) -> set[str]:
    """The layers whose values differ."""
    return {
        key.split("/")[1].split(".S")[0] for key in before
        if not np.array_equal(before[key], after[key])
    }


def test_classifier_first_then_all_with_a_tenth_of_the_rate(recipe, finished_run):
    run = prepare(recipe)
    assert (run.recipe.mean, run.recipe.std) == ((33.3,), (78.6,))
    assert [float(run.schedule(tf.constant(step, tf.int64))) for step in (0, 8)] == pytest.approx(
        [0.1 * 500 / 128, 0.1 * 500 / 128 * 0.5 * 0.1]
    )
    assert run.phase_calls.phases == tuple(
        Phase(*row, run.recipe.augment) for row in ((0, "head", 28), (8, "all", 28))
    )
    assert run.total_steps == 16
    assert train(run) == 0
    start = stored(tf.train.latest_checkpoint(str(finished_run / "checkpoints")), "weights")
    thawing, end = (
        stored(f"{recipe.run_dir}/checkpoints/ckpt-{step}", "weights") for step in (8, 16)
    )
    assert moved(start, thawing) == {"head_dense"}
    assert moved(thawing, end) == {
        "stage1_conv", "stage2_conv", "head_dense1", "head_dense2", "head_dense"
    }


def test_a_run_stopped_in_either_phase_goes_on_to_the_same_weights(recipe, tmp_path):
    whole = prepare(recipe)
    assert train(whole) == 0
    cut = dataclasses.replace(recipe, run_dir=str(tmp_path / "cut"), checkpoint_every=5)
    for until in (5, 10, 16):
        run = prepare(cut)
        if until < 16:
            run.signals.append(15)  # as a SIGTERM does: stops behind the next call
            while run.step < until:
                assert train(run) == 128 + 15
                run = prepare(cut)
                run.signals.append(15)
        else:
            assert train(run) == 0
    ends = [
        stored(tf.train.latest_checkpoint(f"{folder}/checkpoints"), "weights")
        for folder in (recipe.run_dir, cut.run_dir)
    ]
    assert moved(*ends) == set()


def test_statistics_of_frozen_normalisations_stay(tmp_path):
    base = dataclasses.replace(
        RECIPE, model="resnet18", model_options="width=0.125", image_size=32, eval_resize=32,
        batch_size=500, epochs=1, warmup_epochs=0.0, export=False, augment="",
        run_dir=str(tmp_path / "base"),
    )
    assert train(prepare(base)) == 0
    tuned = dataclasses.replace(
        base, weights=base.run_dir, trainable="from:stage4", run_dir=str(tmp_path / "tuned"),
        virtual_devices=1,
    )
    assert train(prepare(tuned)) == 0
    checkpoints = [
        tf.train.latest_checkpoint(f"{run.run_dir}/checkpoints") for run in (base, tuned)
    ]
    for kind in ("weights", "statistics"):
        layers = moved(*(stored(checkpoint, kind) for checkpoint in checkpoints))
        assert layers and all(layer.startswith(("stage4", "head")) for layer in layers)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "mnist", "model": "resnet18"}, "--weights: model 'resnet18': got weights="),
        ({"weights": "nowhere"}, "--weights: got weights='nowhere'; expected one of"),
        ({"weights": "", "mean": (33.3,), "std": (78.6,)}, "--frozen_epochs: got 1.0; expected 0"),
        ({"trainable": "from:stage9"}, "got trainable='from:stage9' for model 'lenet5'"),
        ({"frozen_epochs": 2.0}, "--frozen_epochs: got 2.0; expected 0 to less than epochs=2"),
        ({"mean": (120.0,), "std": (60.0,)}, "--mean: got mean (120.0,) and std (60.0,); "),
        ({"trainable": "head"}, "--frozen_epochs: got 1.0; expected 0 with --trainable=head"),
        ({"frozen_epochs": 0.0, "unfrozen_rate": 0.5}, "--unfrozen_rate: got 0.5; expected its"),
        ({"trainable": "head", "frozen_epochs": 0.0, "freeze_bn": True},
         "--freeze_bn: got True; expected false with --trainable=head"),
        ({"head_bias": "prior"}, "--head_bias: got 'prior'; expected its default, 'zero': the"),
        ({"stage_decay": 1.5}, "--stage_decay: got 1.5; expected a number over 0, up to 1"),
        ({"trainable": "tail"}, "--trainable: got 'tail'; expected all, head, head+norm"),
    ],
)
def test_errors(recipe, changes, message):
    with pytest.raises(ValueError) as error:
        prepare(dataclasses.replace(recipe, **changes))
    assert str(error.value).startswith(message) and "\n" not in str(error.value)
