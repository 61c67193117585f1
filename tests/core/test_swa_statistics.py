"""Batch-norm's statistics of averaged weights, against Keras' own layers."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from trainer import MEAN, STD, build

import zoo
from recipes.mlp import RECIPE
from zoo.augment import parse_policy
from zoo.core.gradients import Settings
from zoo.core.runtime import make_strategy
from zoo.core.state import make_state
from zoo.core.swa_statistics import STEPS_A_CALL, make_statistics_call
from zoo.data import open_source
from zoo.finetune.transfer import set_trainable
from zoo.train.loop import train
from zoo.train.prepare import prepare

OPTIONS = {"input_shape": (32, 32, 1), "width": 0.125, "dropout": 0.5}
STEPS = STEPS_A_CALL + 2  # more than one call


@pytest.fixture(scope="module")
def batches(digits):
    images = np.pad(digits[0][: 8 * STEPS], ((0, 0), (2, 2), (2, 2), (0, 0)))
    return images.reshape(STEPS, 8, 32, 32, 1), digits[1][: 8 * STEPS].reshape(STEPS, 8)


def statistics_by_keras(values, frozen, parts):
    """The mean over the parts of what a momentum of 0 leaves of each."""
    plain = zoo.create_model("resnet18", num_classes=10, bn_momentum=0.0, **OPTIONS)
    plain.get_layer(frozen).trainable = False
    for variable in plain.weights:
        if variable.path in values:
            variable.assign(values[variable.path])
    found = {path: 0.0 for path in values if "/moving_" in path}
    for images in parts:
        plain((images.astype("float32") - MEAN[0]) / STD[0], training=True)
        for variable in plain.non_trainable_variables:
            if variable.path in found:
                found[variable.path] += np.asarray(variable.value) / len(parts)
    return found


@pytest.mark.parametrize("devices, jit_compile", [(1, False), (2, True)])
def test_equals_keras(batches, devices, jit_compile):
    model = build("resnet18", **OPTIONS)
    strategy = make_strategy([f"CPU:{i}" for i in range(devices)])
    state = make_state(model, strategy, scales_loss=False, averages=True)
    before = {path: v.read_value().numpy() for path, v in state.averages.items()}
    frozen = "stage2_block1_bn1"
    model.get_layer(frozen).trainable = False
    settings = Settings(num_classes=10, mean=MEAN, std=STD, batch_size=8, seed=0,
                        scales_loss=False, jit_compile=jit_compile)
    call = make_statistics_call(strategy, model, state, parse_policy(""), settings)
    call(tf.data.Dataset.from_tensor_slices(batches), STEPS)
    want = statistics_by_keras(
        before, frozen, batches[0].reshape(STEPS * devices, 8 // devices, 32, 32, 1)
    )
    for path, variable in state.averages.items():
        got = variable.read_value().numpy()
        if path.startswith(frozen) or path not in want:
            np.testing.assert_array_equal(got, before[path], err_msg=path)
        else:
            assert np.any(got != before[path])
            np.testing.assert_allclose(got, want[path], rtol=1e-4, atol=1e-4, err_msg=path)


def test_frozen_normalisations_keep_theirs(batches):
    model = build("resnet18", **OPTIONS)
    strategy = make_strategy(["CPU:0", "CPU:1"])
    state = make_state(model, strategy, scales_loss=False, averages=True)
    before = {path: v.read_value().numpy() for path, v in state.averages.items()}
    set_trainable(model, "all", freeze_bn=True)
    settings = Settings(num_classes=10, mean=MEAN, std=STD, batch_size=8, seed=0,
                        scales_loss=False, jit_compile=False)
    call = make_statistics_call(strategy, model, state, parse_policy(""), settings)
    call(tf.data.Dataset.from_tensor_slices(batches), STEPS)
    for path, variable in state.averages.items():
        np.testing.assert_array_equal(variable.read_value().numpy(), before[path], err_msg=path)


def test_a_run_leaves_them(tmp_path):
    """The mean of the weights, and not that of the statistics."""
    recipe = dataclasses.replace(
        RECIPE, model="resnet18", model_options="width=0.125", image_size=32, eval_resize=32,
        train_images=400, batch_size=100, epochs=3, averaging="swa(1)", schedule="constant",
        keep_checkpoints=3, export=False, run_dir=str(tmp_path / "run"),
    )
    assert train(prepare(recipe)) == 0
    ends = [
        tf.train.load_checkpoint(str(tmp_path / "run" / "checkpoints" / f"ckpt-{step}"))
        for step in (4, 8, 12)
    ]
    for name in ends[-1].get_variable_to_shape_map():
        if not name.startswith("averages/"):
            continue
        kind = "statistics" if "moving_" in name else "weights"
        mean = np.mean(
            [end.get_tensor(name.replace("averages/", f"{kind}/", 1)) for end in ends], 0
        )
        equal = np.allclose(ends[-1].get_tensor(name), mean, rtol=1e-5, atol=1e-6)
        assert equal == (kind == "weights"), name
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    model = zoo.load_model(tmp_path / "run")
    split = open_source("mnist5k").splits["validation"]
    images = tf.image.resize(split.images, (32, 32)).numpy()
    found = model.predict((images - RECIPE.mean[0]) / RECIPE.std[0], verbose=0).argmax(1)
    assert np.mean(found == split.labels) == pytest.approx(
        summary["validation"]["top_1"], abs=0.003  # the images there are rounded to uint8
    )
