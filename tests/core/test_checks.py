"""What is checked of a recipe's parts before TensorFlow loads: names, arguments, addresses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.core.averaging import check_average, make_average
from zoo.core.decay import Span
from zoo.core.losses import check_loss, make_loss
from zoo.core.optimizer import check_optimizer, make_optimizer
from zoo.core.schedule import check_schedule, make_schedule

ROOT = Path(__file__).parents[2]

# A package of a user's, which needs no TensorFlow until its functions are called.
MINE = """
from zoo.core.optimizer import Rule
from zoo.core.averaging import Average

def still(speed=0): return Rule((), lambda w, g, slots, rate, t, decay: (w, {}))
def flat(level=1): return lambda span: lambda at_step: level
def none(): return lambda labels, logits: 0.0
def last(): return lambda span: Average(lambda averages, values, at_step: values)
def nothing(): return None
def number(): return lambda span: 5
"""
CODE = """
import sys
from zoo.core.averaging import check_average
from zoo.core.losses import check_loss
from zoo.core.optimizer import OPTIMIZERS, check_optimizer
from zoo.core.schedule import check_schedule

for name in OPTIMIZERS: check_optimizer(name)
for spec in ("constant", "step(3, 6, factor=0.5)", "exponential(0.9)", "polynomial", "cosine",
             "cosine_restarts(2)", "cyclic(1)", "one_cycle", "plateau(0.5)"):
    check_schedule(spec, epochs=9)
for spec in ("cross_entropy", "binary_cross_entropy", "focal(gamma=1)", "huber",
             "mean_squared_error", "kullback_leibler"):
    check_loss(spec)
for spec in ("", "ema", "swa(8)"): check_average(spec, epochs=9)
check_optimizer("mine:still(speed=1)")
check_schedule("mine:flat(level=2)", epochs=9)
check_loss("mine:none")
check_average("mine:last", epochs=9)
for check, spec, options in (
    (check_optimizer, "adam(2)", {}), (check_optimizer, "adamw", {"decoupled_decay": True}),
    (check_schedule, "step(9)", {"epochs": 9}), (check_loss, "focal(gamma=-1)", {}),
    (check_average, "swa(10)", {"epochs": 9}), (check_optimizer, "mine:still(pace=1)", {}),
):
    try: check(spec, **options)
    except ValueError as error: print(spec)
print([name for name in ("tensorflow", "keras", "numpy") if name in sys.modules])
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("mine", None)


def test_no_check_loads_tensorflow(mine):
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{mine}"},
    )
    refused = ["adam(2)", "adamw", "step(9)", "focal(gamma=-1)", "swa(10)", "mine:still(pace=1)"]
    assert done.stdout.splitlines() == [*refused, "[]"], done.stderr


RUN = {"peak": 0.1, "steps_per_epoch": 5, "epochs": 9, "warmup_epochs": 0}
MAKE = {
    "optimizer": (check_optimizer, make_optimizer),
    "schedule": (lambda spec: check_schedule(spec, epochs=9),
                 lambda spec: make_schedule(spec, **RUN)),
    "loss": (check_loss, make_loss),
    "average": (lambda spec: check_average(spec, epochs=9),
                lambda spec: make_average(spec, Span(5, 0, 45))),
}


@pytest.mark.parametrize("kind", MAKE)
def test_what_an_address_gives_is_checked(mine, kind):
    """By the check and where it is made: in one line, with the address and what it should give."""
    for make in MAKE[kind]:
        for spec in ("mine:nothing", "mine:nothing()"):
            with pytest.raises(ValueError, match=f"^{kind} mine:nothing") as error:
                make(spec)
            assert "got NoneType; expected a" in str(error.value)
            assert "\n" not in str(error.value)
        with pytest.raises(ValueError, match=f"^got {kind} 'mine:missing', which cannot be import"):
            make("mine:missing")
        with pytest.raises(ValueError, match=f"^{kind} mine:none: too many positional"):
            make("mine:none(1)")


def test_what_an_address_gives_for_a_run_is_checked(mine):
    for kind, expected in (("schedule", "a function of a step"), ("average", "an Average")):
        check, make = MAKE[kind]
        check("mine:number")  # without a run there is nothing to see yet
        with pytest.raises(
            ValueError, match=f"^{kind} mine:number: got int for a run; expected {expected}"
        ):
            make("mine:number")


def test_parts_by_address_are_used(mine):
    assert float(make_schedule("mine:flat(0.5)", **RUN)(3)) == pytest.approx(0.05)
    assert make_loss("mine:none")(None, None) == 0.0
    assert make_average("mine:last", Span(5, 0, 45)).update({}, {"w": 1}, 3) == {"w": 1}
    weights, slots = make_optimizer("mine:still").update({}, {}, {}, 0.1, 0)
    assert weights == slots == {}
