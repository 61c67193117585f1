"""Parts of a run that its recipe says something of."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from recipes.lenet5 import RECIPE
from zoo.core.averaging import OPTIMIZERS_OWN
from zoo.train import parts
from zoo.train.prepare import prepare


@pytest.mark.parametrize("head_bias, want", [("zero", 0.0), ("prior", -np.log(7))])
def test_a_new_classifier_starts_with_the_bias_of_the_recipe(head_bias, want):
    recipe = dataclasses.replace(RECIPE, head_bias=head_bias)
    model = parts.build_model(recipe, 7)
    np.testing.assert_allclose(model.get_layer("head_dense").bias, want, rtol=1e-6)
    np.testing.assert_array_equal(model.get_layer("head_dense1").bias, 0)


def test_a_noise_scale_needs_two_gradients():
    recipe = dataclasses.replace(RECIPE, noise_scale=True)
    with pytest.raises(ValueError, match="--noise_scale: got true on one device; expected --micro"):
        parts.check_machine(recipe, 1)
    parts.check_machine(dataclasses.replace(recipe, micro_batches=2), 1)
    parts.check_machine(recipe, 2)


def test_a_run_with_a_schedule_free_optimizer_leaves_its_average(tmp_path):
    recipe = dataclasses.replace(
        RECIPE, optimizer="schedule_free_adamw", schedule="constant", run_dir=str(tmp_path / "run")
    )
    run = prepare(recipe)
    assert run.leaves == "averages" and run.average is OPTIMIZERS_OWN
    assert set(run.eval_calls) == {"weights", "averages"}
    with pytest.raises(ValueError, match="--averaging: got 'ema'; expected none: schedule_free_"):
        prepare(dataclasses.replace(recipe, averaging="ema"))


def test_the_optimizer_decays_by_groups():
    """Without gradients decay alone moves a weight."""
    recipe = dataclasses.replace(
        RECIPE, optimizer="sgd", weight_decay=0.5, group_decay="bias=0.25", bias_decay=False
    )
    model = parts.build_model(recipe, 7)
    weights = {v.path: np.ones(v.shape, np.float32) for v in model.trainable_variables}
    nothing = {path: np.zeros_like(value) for path, value in weights.items()}
    update = parts.optimizer_of(recipe, model).update
    weights, nothing = tf.nest.map_structure(tf.constant, (weights, nothing))
    after, _ = update(weights, {}, nothing, 1.0, 0)
    for path, value in after.items():
        np.testing.assert_allclose(value, 0.75 if path.endswith("bias") else 0.5, err_msg=path)
