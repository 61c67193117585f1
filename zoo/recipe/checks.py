"""Checks of single values of a recipe: each raises ValueError with what was got and expected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from zoo.given_path import as_path
from zoo.weights.preprocessing import LARGEST

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
XLA_MODES = ("auto", "on", "off")

Check = Callable[[Any], None]


def expect(good: bool, value: object, expected: str) -> None:
    """Raises ValueError unless `good`."""
    if not good:
        raise ValueError(f"got {value!r}; expected {expected}")


def as_type(value: object, kind: type) -> object:
    """`value` as the type that its field has: an integer is a number too.

    Raises ValueError for another type, or a number that is not finite.
    """
    if kind is float and type(value) is int:
        expect(_is_finite(value), value, "a finite number")
        return float(value)
    if kind is tuple and isinstance(value, tuple):
        good = all(type(part) in (int, float) and _is_finite(part) for part in value)
        expect(good, value, "finite numbers")
        return tuple(float(part) for part in value)
    expect(type(value) is kind, value, f"a value of type {kind.__name__}")
    return value


def anything(value: object) -> None:
    """For fields that rules.py or the type alone says all about."""


def at_least(least: float) -> Check:
    return lambda value: expect(least <= value < math.inf, value, f"{least} or more")


def over_zero(value: float) -> None:
    expect(0 < value < math.inf, value, "a number over 0")


def up_to_one(value: float) -> None:
    expect(0 < value <= 1, value, "a number over 0, up to 1")


def below_one(value: float) -> None:
    expect(0 <= value < 1, value, "0 to less than 1")


def side(value: int) -> None:
    expect(1 <= value <= LARGEST, value, f"1 to {LARGEST}")


def grey_or_rgb(value: int) -> None:
    expect(value in (1, 3), value, "1 or 3")


def seed(value: int) -> None:
    expect(0 <= value < 2**31, value, "0 to 2147483647")  # int32 in the step


def one_of(choices: Sequence[str]) -> Check:
    return lambda value: expect(value in choices, value, f"one of {list(choices)}")


def matching(pattern: str, expected: str) -> Check:
    return lambda value: expect(re.fullmatch(pattern, value) is not None, value, expected)


def or_empty(check: Check) -> Check:
    """`check`, which the empty text passes too."""
    return lambda value: check(value) if value else None


def path(value: str) -> None:
    """The empty text passes too."""
    if value:
        as_path(value)


def folder_name(value: str) -> None:
    good = value and value.isprintable() and "/" not in value and not value.startswith(".")
    expect(bool(good), value, "a name fit for a folder")


def low_high(low: float, high: float, expected: str) -> Check:
    """LOW,HIGH with `low` < LOW <= HIGH <= `high`."""
    return lambda value: expect(
        len(value) == 2 and low < value[0] <= value[1] <= high and value[1] < math.inf,
        value, f"two numbers LOW,HIGH with {expected}",
    )


def pixels(value: tuple[float, ...]) -> None:
    expect(all(side >= 1 and side == int(side) for side in value), value,
           "whole numbers of pixels")


def first_last(value: tuple[float, ...]) -> None:
    good = not value or len(value) == 2 and all(step == int(step) for step in value) \
        and 0 <= value[0] < value[1]
    expect(good, value, "two whole numbers FIRST,LAST with 0 <= FIRST < LAST")


def deviations(value: tuple[float, ...]) -> None:
    expect(all(part > 0 for part in value), value, "numbers over 0")


def class_weights(value: str) -> None:
    if value in ("", "balanced"):
        return
    try:
        good = all(0 <= float(part) < math.inf for part in value.split(","))
    except ValueError:
        good = False
    expect(good, value, "balanced, or numbers of 0 or more joined by commas")


def packages(value: str) -> None:
    good = not value or all(part.isidentifier() for part in value.split(","))
    expect(good, value, "names of Python packages joined by commas")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond float64
        return False
