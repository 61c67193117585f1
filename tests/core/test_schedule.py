"""Schedules against their closed forms, at every step, and what evaluations do to them."""

from __future__ import annotations

import inspect
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from zoo.core.decay import DECAYS
from zoo.core.schedule import check_schedule, make_schedule, rate_factor, scaled_from

# timm's, see tools/goldens/schedules.py
GOLDENS = np.load(Path(__file__).parent / "goldens" / "schedules.npz")
EPOCHS, STEPS = 12, 7  # steps an epoch
PEAK = 0.4


def make(spec: str, **changes):
    values = {"peak": PEAK, "steps_per_epoch": STEPS, "epochs": EPOCHS, "warmup_epochs": 0.0}
    return make_schedule(spec, **{**values, **changes})


def rates(schedule, steps: int = EPOCHS * STEPS + 1) -> np.ndarray:
    return np.array([schedule(tf.constant(at, tf.int64)).numpy() for at in range(steps)])


def restarts(since: np.ndarray, first: float, multiply: float) -> np.ndarray:
    """Period by period, as PyTorch's CosineAnnealingWarmRestarts goes through them."""
    values = []
    for step in since:
        period = first
        while step >= period:
            step, period = step - period, period * multiply
        values.append(0.5 * (1 + math.cos(math.pi * step / period)))
    return np.array(values)


def closed_form(spec: str, warmup_steps: int) -> np.ndarray:
    """float64, steps 0..EPOCHS * STEPS."""
    total = EPOCHS * STEPS
    at = np.arange(total + 1, dtype=np.float64)
    since = np.maximum(at - warmup_steps, 0)
    decay = {
        "constant": np.ones(total + 1),
        "cosine": 0.5 * (1 + np.cos(
            math.pi * np.maximum(at - warmup_steps, 0) / (total - warmup_steps))),
        "cosine(end=0.2)": 0.2 + 0.4 * (1 + np.cos(
            math.pi * np.maximum(at - warmup_steps, 0) / (total - warmup_steps))),
        "step(3, 6, 9)": 0.1 ** ((at >= 21).astype(int) + (at >= 42) + (at >= 63)),
        "step(4.5, factor=0.25)": 0.25 ** (at >= 32),  # 31.5 rounds to the even 32
        "exponential(0.9)": 0.9 ** (since / STEPS),
        "polynomial": 1 - since / (total - warmup_steps),
        "polynomial(power=2, end=0.1)": 0.1 + 0.9 * (1 - since / (total - warmup_steps)) ** 2,
        "cosine_restarts(2)": 0.5 * (1 + np.cos(math.pi * (since % 14) / 14)),
        "cosine_restarts(1, multiply=2)": restarts(since, STEPS, 2),
        "cosine_restarts(1.5, multiply=1.5)": restarts(since, 1.5 * STEPS, 1.5),
        "cyclic(4)": 0.1 + 0.9 * (1 - np.abs(2 * (since % 28) / 28 - 1)),
        "cyclic(0.5, low=0)": 1 - np.abs(2 * (since % 3.5) / 3.5 - 1),
    }[spec]
    return PEAK * np.where(at < warmup_steps, (at + 1) / max(warmup_steps, 1), decay)


@pytest.mark.parametrize("warmup_epochs, warmup_steps", [(0.0, 0), (0.5, 4), (1.0, 7), (2.5, 18)])
@pytest.mark.parametrize("spec", [
    "constant", "cosine", "cosine(end=0.2)", "step(3, 6, 9)", "step(4.5, factor=0.25)",
    "exponential(0.9)", "polynomial", "polynomial(power=2, end=0.1)", "cosine_restarts(2)",
    "cosine_restarts(1, multiply=2)", "cosine_restarts(1.5, multiply=1.5)", "cyclic(4)",
    "cyclic(0.5, low=0)",
])
def test_closed_form(spec, warmup_epochs, warmup_steps):
    got = rates(make(spec, warmup_epochs=warmup_epochs))
    want = closed_form(spec, warmup_steps)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


# PyTorch 2.13, OneCycleLR(max_lr=0.4, total_steps=84), every seventh step and the last.
ONE_CYCLE = (
    0.016, 0.08996766379, 0.2548788293, 0.383670021, 0.3958921155, 0.3676177505,
    0.3161699226, 0.2486614227, 0.17442547, 0.1037253706, 0.04633559032, 0.01019040984,
    1.6e-06,
)


def test_one_cycle_is_that_of_pytorch():
    got = rates(make("one_cycle"), EPOCHS * STEPS)
    np.testing.assert_allclose([*got[::7], got[-1]], ONE_CYCLE, rtol=2e-5, atol=1e-8)
    got = rates(make("one_cycle(0.5, start=0.2, end=0)"), EPOCHS * STEPS)
    assert got[0] == pytest.approx(0.2 * PEAK) and got[41] == np.float32(PEAK) and got[-1] == 0


def test_warmup_ends_at_the_peak_and_cosine_at_zero():
    got = rates(make("cosine", warmup_epochs=2.0))
    warmup = 2 * STEPS
    assert got[0] == pytest.approx(PEAK / warmup)  # the first step already learns
    assert got[warmup - 1] == got[warmup] == np.float32(PEAK)
    assert np.all(np.diff(got[:warmup]) > 0) and np.all(np.diff(got[warmup:]) < 0)
    assert got[EPOCHS * STEPS] == 0
    assert 0 < got[EPOCHS * STEPS - 1] < 1e-3


def test_a_warmup_of_one_step_is_that_step():
    got = rates(make("constant", warmup_epochs=1 / STEPS), 3)
    np.testing.assert_array_equal(got, np.float32(PEAK))


def test_cosine_stays_at_zero_after_the_end():
    schedule = make("cosine")
    for step in (EPOCHS * STEPS, EPOCHS * STEPS + 1, 10**12):
        assert schedule(tf.constant(step, tf.int64)).numpy() == 0


def test_a_run_of_one_step_behind_its_warmup_ends_at_zero():
    schedule = make("cosine", steps_per_epoch=1, epochs=3, warmup_epochs=2.0)
    np.testing.assert_allclose(rates(schedule, 4), [PEAK / 2, PEAK, PEAK, 0], atol=1e-7)


def test_a_plateau_without_patience_falls_at_the_first_evaluation_that_is_no_better():
    run = records(1.0, 0.5, 0.5, 0.4)
    assert rate_factor("plateau(0.1, patience=0)", run) == pytest.approx(0.1)


@pytest.mark.parametrize("name, argument", [
    (name, argument) for name, decay in DECAYS.items() if name != "step"
    for argument in inspect.signature(decay).parameters
])
def test_each_argument_is_checked(name, argument):
    needed = {"exponential": "factor", "cosine_restarts": "first", "cyclic": "period"}
    first = "0.5, " if needed.get(name, argument) != argument else ""
    for value in ("'a'", "-1", "None", "True", "1e999"):
        with pytest.raises(ValueError, match=rf"^{name}: got (the argument|{argument}=)") as error:
            make(f"{name}({first}{argument}={value})")
        assert error.value.args[0].rpartition("; expected ")[2] in (
            "numbers", "a number over 0", "a number in (0, 1)", "a number from 0 to less than 1",
            "a number of 1 or more", "epochs over 0", "a whole number of evaluations",
            "a number over 0, up to 1", "a whole number",
        )


RESTARTS = [key.split("/")[1] for key in GOLDENS if key.startswith("rates/")]


@pytest.mark.parametrize("spec", RESTARTS)
def test_restarts_are_timms_at_every_step(spec):
    got = rates(make(spec, warmup_epochs=1.0), STEPS * EPOCHS)
    np.testing.assert_allclose(got[7:], GOLDENS[f"rates/{spec}"][7:], rtol=1e-6, atol=1e-7)


def test_step_changes_at_the_first_step_of_the_epoch():
    got = rates(make("step(3, 6, 9, factor=0.1)"))
    changes = np.flatnonzero(np.diff(got)) + 1
    np.testing.assert_array_equal(changes, [3 * STEPS, 6 * STEPS, 9 * STEPS])


def test_the_rate_of_a_step_far_into_a_long_run():
    """Steps are whole numbers: none is lost to rounding over 16 million of them."""
    schedule = make("step(500, 600)", steps_per_epoch=50_001, epochs=1000)
    for boundary, before, after in ((500 * 50_001, 1.0, 0.1), (600 * 50_001, 0.1, 0.01)):
        rate_before, rate_after = (
            float(schedule(tf.constant(step, tf.int64))) for step in (boundary - 1, boundary)
        )
        assert rate_before == pytest.approx(PEAK * before)
        assert rate_after == pytest.approx(PEAK * after)


def test_every_decay_has_its_closed_form():
    assert set(DECAYS) == {
        "constant", "cosine", "step", "exponential", "polynomial", "cosine_restarts", "cyclic",
        "one_cycle", "plateau",
    }


def test_plateau_is_constant_but_for_evaluations():
    np.testing.assert_array_equal(rates(make("plateau(0.5, patience=3)")), np.float32(PEAK))


@pytest.mark.parametrize("spec", [
    "constant", "cosine", "step(3, 6, 9)", "cyclic(4)", "cosine_restarts(1, multiply=2)",
    "polynomial", "exponential(0.9)",
])
def test_compiled_with_the_step_as_an_argument(spec):
    schedule = make(spec, warmup_epochs=1.5)
    eager = rates(schedule)
    for jit_compile in (False, True):
        compiled = tf.function(
            schedule, jit_compile=jit_compile, input_signature=[tf.TensorSpec([], tf.int64)]
        )
        got = rates(compiled)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, eager, rtol=1e-6, atol=1e-7)
        assert compiled.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("spec, part", [
    ("linear", "got schedule 'linear'; expected one of ['constant', 'cosine', "),
    ("exponential(1)", "got factor=1; expected a number in (0, 1)"),
    ("exponential", "missing a required argument: 'factor'"),
    ("polynomial(0)", "got power=0; expected a number over 0"),
    ("plateau(1)", "got factor=1; expected a number in (0, 1)"),
    ("plateau(patience=1.5)", "got patience=1.5; expected a whole number of evaluations"),
    ("plateau(patience=-1)", "got patience=-1; expected a whole number of evaluations"),
    ("polynomial(end=1)", "got end=1; expected a number from 0 to less than 1"),
    ("cosine_restarts(0)", "got first=0; expected epochs over 0"),
    ("cosine_restarts(0.1)", "got first=0.1; expected the length of a step or more"),
    ("cosine_restarts(1, multiply=0.5)", "got multiply=0.5; expected a number of 1 or more"),
    ("cyclic(0.2)", "got period=0.2; expected the length of two steps or more"),
    ("cyclic(1, low=1)", "got low=1; expected a number from 0 to less than 1"),
    ("one_cycle(0)", "got rise=0; expected a number in (0, 1)"),
    ("one_cycle(0.001)", "got rise=0.001; expected a share of the run that leaves"),
    ("one_cycle(start='low')", "got the argument 'low'; expected numbers"),
    ("cosine(3)", "got end=3; expected a number from 0 to less than 1"),
    ("cosine(0, 3)", "schedule cosine: too many positional arguments"),
    ("constant(0.1)", "schedule constant: too many positional arguments"),
    ("step(3, gamma=0.1)", "unexpected keyword argument 'gamma'"),
    ("cosine|step(3)", "got 'cosine|step(3)'; expected one name or call"),
    ("", "got ''; expected one name or call"),
    ("step", "expected one or more growing epochs, each at a step of its own, within the run's 12"),
    ("step(6, 3)", "expected one or more growing epochs"),
    ("step(3, 3)", "expected one or more growing epochs"),
    ("step(0, 3)", "expected one or more growing epochs"),
    ("step(-1)", "expected one or more growing epochs"),
    ("step(12)", "expected one or more growing epochs"),
    ("step(1e999)", "expected one or more growing epochs"),
    ("step(0.01, 0.02)", "expected one or more growing epochs"),
    ("step(11.99)", "expected one or more growing epochs"),
    ("step('late')", "expected"),
    ("step(None)", "expected"),
    ("step([3, 6])", "expected"),
    ("step(1j)", "expected"),
    ("step(3, factor=1)", "got factor=1; expected a number in (0, 1)"),
    ("step(3, factor=0)", "got factor=0; expected a number in (0, 1)"),
    ("step(3, factor=10)", "got factor=10; expected a number in (0, 1)"),
    ("step(3, factor='small')", "expected"),
    ("step(3, factor=None)", "expected"),
])
def test_schedules_that_cannot_be(spec, part):
    with pytest.raises(ValueError) as error:
        make(spec)
    assert part in str(error.value) and "\n" not in str(error.value)


def test_one_cycle_has_its_own_warmup():
    with pytest.raises(ValueError, match="^one_cycle: got a warmup; expected --warmup_epochs=0"):
        make("one_cycle", warmup_epochs=1.0)


def test_checks_know_the_run_in_epochs():
    """What make_schedule refuses for any number of steps, and nothing else."""
    for spec in ("step(3, 6, 9)", "step(11.99)", "cyclic(0.2)", "cosine_restarts(0.1)", "plateau"):
        check_schedule(spec, epochs=EPOCHS, warmup_epochs=1.5)
    check_schedule("one_cycle", epochs=EPOCHS)  # no warmup unless it is asked for
    for spec, part in (
        ("step(12)", "within the run's 12"), ("step(6, 3)", "growing epochs"),
        ("one_cycle", "expected --warmup_epochs=0"), ("cosin", "got schedule 'cosin'"),
        ("cyclic(0)", "cyclic: got period=0"),
    ):
        with pytest.raises(ValueError, match=part):
            check_schedule(spec, epochs=EPOCHS, warmup_epochs=1.5)


def test_scaled_from_a_step_on():
    got = rates(scaled_from(make("polynomial"), 10, 0.25))
    want = closed_form("polynomial", 0) * np.where(np.arange(EPOCHS * STEPS + 1) < 10, 1, 0.25)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)


def records(*losses: float) -> list[dict]:
    return [{"epoch": epoch, "loss": loss} for epoch, loss in enumerate(losses, 1)]


def test_plateau_is_that_of_pytorch():
    """PyTorch 2.13, ReduceLROnPlateau(factor=0.5, patience=2, threshold=1e-2) from a rate of 1."""
    losses = (1.0, 0.9, 0.895, 0.893, 0.892, 0.891, 0.8, 0.8, 0.8, 0.8, 0.81, 0.82, 0.5, 0.6)
    factors = (1.0,) * 4 + (0.5,) * 5 + (0.25,) * 5
    for count, factor in enumerate(factors, 1):
        run = records(*losses[:count])
        assert rate_factor("plateau(0.5, patience=2, threshold=0.01)", run) == factor


def test_other_schedules_do_not_look_at_evaluations():
    run = records(*(1.0,) * 30)
    assert rate_factor("cosine", run) == rate_factor("step(3, 6)", run) == 1.0
    assert rate_factor("plateau", run) == pytest.approx(0.01)  # ten and one without, twice
