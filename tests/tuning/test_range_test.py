"""The range test: its rates, running mean and suggestion in closed form; and on digits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from zoo.cli import find_recipe
from zoo.tuning.range_test import (
    SLOPE_STEPS,
    Curve,
    diverged,
    draw,
    growing,
    growing_rates,
    range_test,
    smooth,
    suggest,
    to_csv,
)

# By u = half the decades over 0.01, the cubic u^3 - 3u + 5 falls from 7 at u = -1, fastest at
# u = 0, to 3 at u = 1, and is back at 7 at u = 2.
U = np.linspace(-1, 2, 301)
CUBIC = Curve(10 ** (2 * U - 2), U**3 - 3 * U + 5, U**3 - 3 * U + 5)


def cut(curve: Curve, start: int, end: int) -> Curve:
    parts = (getattr(curve, field.name)[start:end] for field in dataclasses.fields(curve))
    return Curve(*parts)


def test_suggestion_on_a_curve_with_a_known_answer():
    suggestion = suggest(CUBIC)
    assert suggestion.steepest == pytest.approx(1e-2)
    assert suggestion.minimum == pytest.approx(1.0) and suggestion.tenth == pytest.approx(0.1)


def test_the_way_up_is_no_fall():
    """Behind its minimum a curve may fall faster, as where a network dies and its loss settles."""
    losses = np.concatenate([CUBIC.losses[:230], np.linspace(30, 4, 40)])
    rates = np.geomspace(1e-4, 1, len(losses))
    suggestion = suggest(Curve(rates, losses, losses))
    assert suggestion.steepest == pytest.approx(rates[100])
    assert suggestion.minimum == pytest.approx(rates[200])


@pytest.mark.parametrize("curve", [
    cut(CUBIC, 200, 301),  # only rises
    cut(CUBIC, 200 - SLOPE_STEPS, 301),  # falls for too few steps
    Curve(CUBIC.rates, CUBIC.losses, 2 - 0.01 * U),  # hardly falls
])
def test_no_suggestion_without_a_fall(curve):
    with pytest.raises(ValueError, match="the loss fell by .* expected 10 % or more"):
        suggest(curve)


def test_rates_and_schedule():
    rates = growing_rates(1e-5, 10, 7)
    np.testing.assert_allclose(rates, [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10])
    schedule = growing(1e-5, 10, 7)
    at = [float(schedule(tf.constant(step, tf.int64))) for step in range(7)]
    np.testing.assert_allclose(at, rates, rtol=1e-5)
    for low, high, steps in ((0, 1, 9), (1, 1, 9), (2, 1, 9), (1e-3, 1, 1)):
        with pytest.raises(ValueError, match="expected"):
            growing_rates(low, high, steps)


def test_running_mean():
    np.testing.assert_allclose(smooth([2.3] * 5), [2.3] * 5)  # no pull to 0
    # Weights 0.9 and 1, then 0.81, 0.9 and 1.
    np.testing.assert_allclose(smooth([3, 1, 2]), [3, 3.7 / 1.9, 5.33 / 2.71])


@pytest.mark.parametrize(("smoothed", "ends"), [
    ([2.3, 2.2, 1.0], False),
    ([2.3, 2.3, 2.4], False),
    ([2.3, 0.3, 1.3], True),  # above four times the best
    ([2.3, 1.0, 2.0], False),
    ([2.3, 1.0, 2.1], True),  # back where it began, which is below four times the best
    ([2.3, 2.2, 2.3], False),  # noise
    ([2.3, 1.0, float("nan")], True),
])
def test_where_it_ends(smoothed, ends):
    assert diverged(np.array(smoothed)) is ends


def test_table_and_plot(tmp_path):
    lines = to_csv(cut(CUBIC, 0, 300)).splitlines()
    assert lines[0] == "learning_rate,loss,smoothed_loss" and len(lines) == 301
    assert lines[101] == "0.01,5,5"
    suggestion = suggest(CUBIC)
    for marked in (None, suggestion):
        draw(CUBIC, marked, tmp_path / "plot.png")
        with Image.open(tmp_path / "plot.png") as picture:
            levels = np.asarray(picture.convert("RGB")).astype(int)
        # tab:red, in a column of its own from below to the curve and beyond.
        red = (abs(levels - [214, 39, 40]) < 20).all(axis=2).sum(axis=0)
        assert (red > 100).sum() >= 2 if marked else red.sum() == 0


def test_rates_are_those_of_the_flag():
    """For base_batch_size images: halved together with it, the steps are the same to the bit."""
    recipe = dataclasses.replace(
        find_recipe("mlp"), batch_size=32, base_batch_size=32, augment=""
    )
    curve = range_test(recipe, 1e-3, 0.05, 12)
    assert curve.losses[0] == pytest.approx(np.log(10), rel=0.2)
    assert curve.losses[-1] < 0.95 * curve.losses[0]  # 0.05 is what it learns with
    np.testing.assert_array_equal(curve.rates, growing_rates(1e-3, 0.05, 12))
    halved = dataclasses.replace(recipe, base_batch_size=16)
    np.testing.assert_array_equal(range_test(halved, 5e-4, 0.025, 12).losses, curve.losses)
