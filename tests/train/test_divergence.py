"""A run that diverges is told, wherever that shows, and leaves nothing that looks like a model."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from recipes.mlp import RECIPE
from zoo.train.divergence import Diverged, check_loss, check_state
from zoo.train.loop import train
from zoo.train.prepare import prepare

ONE_STEP = dataclasses.replace(
    RECIPE, epochs=1, batch_size=4000, base_batch_size=4000, virtual_devices=2, model_options="",
    optimizer="sgd", schedule="constant", warmup_epochs=0.0, weight_decay=0.0,
)


@pytest.mark.parametrize("changes", [
    {"averaging": "ema(0.99)"}, {"patience": 2, "optimizer": "adam"},
])
def test_the_last_step_diverges(tmp_path, capfd, changes):
    recipe = dataclasses.replace(
        ONE_STEP, run_dir=str(tmp_path / "run"), learning_rate=1e38, **changes
    )
    assert train(prepare(recipe)) == 1
    assert "error: the validation loss of the " in capfd.readouterr().out
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left == {"recipe.json", "classes.txt", "launches.jsonl", "metrics.jsonl", "tensorboard"}
    assert (tmp_path / "run/metrics.jsonl").read_text() == ""


def test_a_run_that_had_diverged_before_it_is_gone_on_with(tmp_path, capfd):
    """As earlier versions left them: the checkpoint of the end holds a NaN."""
    recipe = dataclasses.replace(ONE_STEP, run_dir=str(tmp_path / "run"), learning_rate=0.1)
    run = prepare(recipe)
    assert train(run) == 0
    path, weight = next(iter(run.state.weights.items()))
    weight.assign(weight.read_value() * np.nan)
    run.checkpoints.save(run.step)
    for name in ("summary.json", "model.safetensors", "model.keras"):
        (tmp_path / "run" / name).unlink()
    assert train(prepare(recipe)) == 1
    assert f"error: a value of {path} is not finite at step 1" in capfd.readouterr().out
    assert not list((tmp_path / "run").glob("model.*"))
    assert [path.name for path in (tmp_path / "run/export").iterdir()] == ["1"]
    # Averages and statistics count as weights do.
    weight.assign(np.zeros(weight.shape))
    check_state(run.state, 1)
    assert run.state.averages == {}
    spoilt = dataclasses.replace(run.state, averages=run.state.weights | {"x": tf.Variable(np.inf)})
    with pytest.raises(Diverged, match="a value of x is not finite at step 7; expected"):
        check_state(spoilt, 7)


@pytest.mark.parametrize("loss", [float("inf"), float("nan"), -float("inf")])
def test_losses(loss):
    check_loss(1e30, "loss")
    with pytest.raises(Diverged, match="^the loss within steps 3 to 4 is -?(inf|nan); expected"):
        check_loss(loss, "loss within steps 3 to 4")
