"""Averages of weights against plain means and a loop in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from zoo.core.averaging import AVERAGES, make_average
from zoo.core.decay import Span

SPAN = Span(steps_per_epoch=5, warmup_steps=0, total_steps=40, batch_size=16)
# timm's and PyTorch's, see tools/goldens/schedules.py
GOLDENS = np.load(Path(__file__).parent / "goldens" / "schedules.npz")
VALUES = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def averages_of(spec: str, jit_compile: bool = False) -> np.ndarray:
    """After each step."""
    average = tf.function(make_average(spec, SPAN).update, jit_compile=jit_compile)
    now, found = {"w": tf.constant([9.0, 9.0, 9.0])}, []
    for step, value in enumerate(VALUES):
        now = average(now, {"w": tf.constant(value)}, tf.constant(step, tf.int64))
        found.append(now["w"].numpy())
    return np.array(found)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_swa_is_the_mean_of_the_weights_at_its_steps(jit_compile):
    found = averages_of("swa(4, every=2)", jit_compile)
    np.testing.assert_array_equal(found[:20], VALUES[:20])  # until then the weights themselves
    for step in range(20, 40):
        at = [number for number in (20, 30, 40) if number <= step + 1]  # steps done
        want = VALUES[[number - 1 for number in at]].astype(np.float64).mean(0)
        np.testing.assert_allclose(found[step], want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spec, step", [("swa(4, every=2)", 30), ("swa(0.2, every=0.2)", 2)])
def test_the_second_value_is_the_first_that_statistics_are_taken_for(spec, step):
    """The first mean is of one value, whose statistics are known."""
    assert make_average(spec, SPAN).statistics_from == step


def test_swa_of_every_step_from_the_first_on():
    want = np.cumsum(VALUES.astype(np.float64), 0) / np.arange(1, 41)[:, None]
    np.testing.assert_allclose(averages_of("swa(0.2, every=0.2)"), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.9999])
def test_ema_with_its_warmup(decay):
    found, want = averages_of(f"ema({decay})"), np.full(3, 9.0)
    for step, value in enumerate(VALUES.astype(np.float64)):
        d = min(decay, (2 + step) / (11 + step))
        want = d * want + (1 - d) * value
        np.testing.assert_allclose(found[step], want, rtol=1e-5, atol=1e-6)


def test_ema_every_few_steps():
    """The value after steps 3, 6, ...; its warmup counts these."""
    found, want = averages_of("ema(0.9, every=3)"), np.full(3, 9.0)
    for step, value in enumerate(VALUES.astype(np.float64), start=1):
        if step % 3 == 0:
            d = min(0.9, (1 + step // 3) / (10 + step // 3))
            want = d * want + (1 - d) * value
        np.testing.assert_allclose(found[step - 1], want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spec", [
    key.split("/")[1] for key in GOLDENS if key.startswith("averages/")
])
def test_emas_of_timm_and_torchvision(spec):
    np.testing.assert_array_equal(GOLDENS["values"], VALUES)
    np.testing.assert_allclose(
        averages_of(spec), GOLDENS[f"averages/{spec}"], rtol=1e-6, atol=1e-6
    )


def test_ema_for_another_batch_forgets_as_much_an_image():
    """16 images a step are twice the 8 that 0.9 is for: 0.81 a step, 0.9^6 every three steps."""
    for every, want in ((1, 0.9**2), (3, 0.9**6)):
        average = make_average(f"ema(0.9, every={every}, base_batch_size=8)", SPAN).update
        ones, zeros = ({"w": tf.constant([value])} for value in (1.0, 0.0))
        now = average(ones, zeros, tf.constant(6 * 999 - 1))
        assert float(now["w"][0]) == pytest.approx(want, rel=1e-6)


def test_ema_of_a_constant_is_the_constant():
    average = make_average("ema(0.9)", SPAN).update
    for step in (0, 7, 10**9):
        now = average({"w": tf.constant([2.5])}, {"w": tf.constant([2.5])}, tf.constant(step))
        assert now["w"].numpy() == [2.5]


def test_none():
    assert make_average("", SPAN) is None and set(AVERAGES) == {"ema", "swa"}


@pytest.mark.parametrize("spec, part", [
    ("mean", "got average 'mean'; expected one of ['ema', 'swa']"),
    ("ema(1)", "got decay=1; expected a number in (0, 1)"),
    ("ema(decay='a')", "ema: got decay='a'"),
    ("ema(0.9, every=0)", "got every=0; expected steps, 1 or more"),
    ("ema(0.9, every=1.5)", "got every=1.5; expected steps, 1 or more"),
    ("ema(ramp=none1)", "got ramp='none1'; expected one of ['tensorflow', 'timm', 'constant']"),
    ("ema(start=-1)", "got start=-1; expected epochs, 0 or more"),
    ("ema(start=8)", "got start=8; expected less than the 8 epochs"),
    ("ema(base_batch_size=0.5)", "got base_batch_size=0.5; expected images, or 0"),
    ("ema(torchvision=1)", "got torchvision=1; expected True or False"),
    ("ema(torchvision=True, base_batch_size=8)", "got base_batch_size=8; expected 0 with torch"),
    ("swa", "missing a required argument: 'start'"),
    ("swa(0)", "got start=0; expected epochs over 0"),
    ("swa(0.05)", "got start=0.05; expected an epoch within the run's 8"),
    ("swa(9)", "got start=9; expected an epoch within the run's 8"),
    ("swa(2, every=0.01)", "got every=0.01; expected the length of a step or more"),
])
def test_bad_specs(spec, part):
    with pytest.raises(ValueError) as error:
        make_average(spec, SPAN)
    assert part in str(error.value) and "\n" not in str(error.value)
