"""The second half of a step alone: what is updated, and what a skipped update leaves alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from zoo.core.averaging import Average
from zoo.core.gradients import Settings
from zoo.core.loss_scale import GROWTH_STEPS
from zoo.core.optimizer import Optimizer, make_optimizer
from zoo.core.step import make_apply_update

SETTINGS = Settings(
    num_classes=10, mean=(0.0,), std=(1.0,), batch_size=1, seed=0, scales_loss=False,
    jit_compile=False,
)
W, G, M = np.array([[1.0, -2.0]]), np.array([[3.0, 4.0]]), np.array([[0.5, 0.25]])
OLD, NEW = np.array([1.0]), np.array([7.0])  # a moving statistic


def values(**changes) -> dict:
    found = {
        "weights": {"w": W}, "slots": {"momentum": {"w": M}}, "statistics": {"s": OLD},
        "averages": {"w": 10 * W, "s": 10 * OLD}, "loss_scale": 1024.0,
        "rate_factor": 0.5, **changes,
    }
    whole = {"step": 5, "updates": 3, "finite_steps": 7} | {
        name: found.pop(name) for name in ("finite_steps",) if name in found
    }
    return tf.nest.map_structure(lambda x: tf.constant(x, tf.float32), found) | {
        name: tf.constant(value, tf.int64) for name, value in whole.items()
    }


def sum_of_all(averages, values, at_step):
    """An average that shows what it was given."""
    return {
        path: old + values[path] + 100 * tf.cast(at_step, tf.float32)
        for path, old in averages.items()
    }


def update(gradient, *, scales_loss: bool, average=None, **changes):
    settings = dataclasses.replace(SETTINGS, scales_loss=scales_loss)
    apply_update = make_apply_update(
        lambda at_step: 0.04 * tf.cast(at_step, tf.float32), make_optimizer("momentum(0.9)"),
        average, settings, replicas=2,
    )
    after, norm = apply_update(
        values(**changes), {"w": tf.constant(gradient, tf.float32)},
        {"s": tf.constant(2 * NEW, tf.float32)},
    )
    return tf.nest.map_structure(lambda x: x.numpy(), after), float(norm[0])


@pytest.mark.parametrize("scales_loss", [False, True])
def test_an_update(scales_loss):
    after, norm = update(G, scales_loss=scales_loss, average=Average(sum_of_all))
    m = 0.9 * M - 0.1 * G
    np.testing.assert_allclose(after["slots"]["momentum"]["w"], m, rtol=1e-6)
    np.testing.assert_allclose(after["weights"]["w"], W + m, rtol=1e-6)
    assert after["statistics"]["s"] == NEW and norm == 5
    # Averages get the new values, and the number of the step that has made them.
    np.testing.assert_allclose(after["averages"]["w"], 10 * W + W + m + 500, rtol=1e-6)
    assert after["averages"]["s"] == 10 * OLD + NEW + 500
    assert (after["step"], after["updates"]) == (6, 4)
    assert (after["loss_scale"], after["finite_steps"]) == (1024, 8 if scales_loss else 7)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_an_overflow_leaves_all_but_the_scale(bad):
    after, norm = update(
        np.where(G == 4, bad, G), scales_loss=True, average=Average(sum_of_all)
    )
    np.testing.assert_array_equal(after["weights"]["w"], W)
    np.testing.assert_array_equal(after["slots"]["momentum"]["w"], M)
    assert after["statistics"]["s"] == OLD and norm == 0
    # Averages are those of the weights after each step, whether these have moved or not.
    np.testing.assert_allclose(after["averages"]["w"], 10 * W + W + 500, rtol=1e-6)
    assert after["averages"]["s"] == 10 * OLD + OLD + 500
    assert (after["step"], after["updates"]) == (6, 3)
    assert (after["loss_scale"], after["finite_steps"]) == (512, 0)


def test_the_scale_grows_by_the_finite_steps():
    after, _ = update(G, scales_loss=True, finite_steps=GROWTH_STEPS - 1)
    assert (after["loss_scale"], after["finite_steps"]) == (2048, 0)


def test_without_an_average_averages_stay():
    after, _ = update(G, scales_loss=False)
    np.testing.assert_array_equal(after["averages"]["w"], 10 * W)


def test_without_scaling_what_is_not_finite_is_not_hidden():
    """float32: the loss of the next step tells, and the run stops."""
    after, norm = update(np.full_like(G, np.nan), scales_loss=False)
    assert np.isnan(after["weights"]["w"]).all() and np.isnan(norm) and after["updates"] == 4


def test_the_optimizer_counts_updates_and_not_steps():
    """Adam's bias correction would be wrong after steps that float16 has skipped."""
    counting = Optimizer((), lambda weights, slots, gradients, rate, updates: (
        {"w": weights["w"] + tf.cast(updates, tf.float32) + rate}, {}
    ))
    after, _ = make_apply_update(lambda step: 0.5, counting, None, SETTINGS, replicas=1)(
        values(), {"w": tf.constant(G, tf.float32)}, {"s": tf.constant(NEW, tf.float32)}
    )
    np.testing.assert_allclose(after["weights"]["w"], W + 3.25)  # not step 5
