"""What follows when a recipe is run for another number of epochs than it was written for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from zoo.core.averaging import AVERAGES
from zoo.core.decay import DECAYS
from zoo.recipe import Recipe
from zoo.spec import parse_calls

# Fields with lengths in epochs, which follow unless they are asked for themselves.
FITTED = ("schedule", "warmup_epochs", "frozen_epochs", "final_epochs", "averaging")
# Arguments that are epochs, by the name of the schedule or average.
_LENGTHS = {
    "step": ("at_epochs",), "cosine_restarts": ("first",), "cyclic": ("period",),
    "swa": ("start", "every"),
}
_LONGEST_WARMUP = 0.1  # share of the run


def fitted(recipe: Recipe, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> value of the fields of `recipe` that follow from the epochs that are asked for.

    Steps and periods of a schedule, frozen and final epochs and the start of an average keep their
    share of the run; an exponential decay keeps its end. The warmup keeps its length, but takes a
    tenth of the run at most.

    asked: all fields that are asked for, of which none is changed here.
    """
    epochs = asked.get("epochs", recipe.epochs)
    factor = epochs / recipe.epochs
    if factor == 1 or epochs < 1:
        return {}
    values = {
        "schedule": _scaled(recipe.schedule, factor),
        "warmup_epochs": min(recipe.warmup_epochs, _rounded(epochs * _LONGEST_WARMUP)),
        "frozen_epochs": _rounded(recipe.frozen_epochs * factor),
        "final_epochs": _rounded(recipe.final_epochs * factor),
        "averaging": _scaled(recipe.averaging, factor),
    }
    return {
        name: value for name, value in values.items()
        if name not in asked and value != getattr(recipe, name)
    }


def _scaled(spec: str, factor: float) -> str:
    """`spec`, a schedule or an average, with its lengths in epochs times `factor`."""
    calls = parse_calls(spec)
    name = calls[0].name if calls else ""
    if name != "exponential" and name not in _LENGTHS:
        return spec
    function = {**DECAYS, **AVERAGES}[name]
    bound = inspect.signature(function).bind(*calls[0].args, **calls[0].kwargs)
    for argument in set(_LENGTHS.get(name, ())) & bound.arguments.keys():
        value = bound.arguments[argument]
        bound.arguments[argument] = (
            tuple(_rounded(part * factor) for part in value) if isinstance(value, tuple)
            else _rounded(value * factor)
        )
    if name == "exponential":
        bound.arguments["factor"] = _rounded(bound.arguments["factor"] ** (1 / factor))
    arguments = [f"{value:g}" for value in bound.args]
    arguments += [f"{key}={value:g}" for key, value in bound.kwargs.items()]
    return f"{name}({', '.join(arguments)})"


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")
