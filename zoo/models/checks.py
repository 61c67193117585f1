"""Checks of the options of models: each raises a ValueError of one line."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from zoo.lazy import lazy_module

keras = lazy_module("keras")

P = ParamSpec("P")
T = TypeVar("T")


def takes_numpy_numbers(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, whose arguments may be numbers and arrays of NumPy where it takes Python's."""

    @functools.wraps(function)
    def with_plain(*args: P.args, **kwargs: P.kwargs) -> T:
        return function(*map(plain, args), **{name: plain(kwargs[name]) for name in kwargs})

    return with_plain


def plain(value: Any) -> Any:
    """`value` with NumPy's numbers as Python's, also in tuples, lists and options; an array, as of
    a shape, as a tuple."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):  # told without loading NumPy
        value = value.tolist()
        return tuple(value) if isinstance(value, list) else value
    if type(value) in (tuple, list):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {name: plain(part) for name, part in value.items()}
    return value


def check_rate(option: str, value: float) -> None:
    """Raises ValueError unless `value` is a number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"got {option}={value!r}; expected a number in [0, 1)")


def check_activation(option: str, value: str) -> None:
    """Raises ValueError unless `value` is "prelu" or the name of a Keras activation."""
    if value != "prelu":
        check_function(option, value)


def check_function(option: str, value: str) -> None:
    """Raises ValueError unless `value` is the name of a Keras activation."""
    message = f"got {option}={value!r}; expected the name of a Keras activation, as 'relu'"
    if not isinstance(value, str):
        raise ValueError(message)
    try:
        keras.activations.get(value)
    except ValueError:
        raise ValueError(message) from None


def check_flag(option: str, value: bool) -> None:
    """Raises ValueError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"got {option}={value!r}; expected True or False")


def check_positive(option: str, value: float) -> None:
    """Raises ValueError unless `value` is a finite number over 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ValueError(f"got {option}={value!r}; expected a number over 0")


def check_input_shape(shape: tuple[int | None, int | None, int], min_side: int) -> None:
    """Raises ValueError unless `shape` is (height, width, channels) with sides >= `min_side`, or
    None for sides that are open."""
    three = isinstance(shape, (tuple, list)) and len(shape) == 3
    sides = [side for side in shape[:2] if side is not None] if three else []
    if not three or not all(is_positive_int(number) for number in (*sides, shape[2])):
        raise ValueError(
            f"got input_shape={shape!r}; expected 3 positive integers: height, width, channels; "
            "or None for a height or width that is open"
        )
    if min(sides, default=min_side) < min_side:
        raise ValueError(
            f"got input_shape={tuple(shape)!r}; expected a height and width >= {min_side}"
        )


def check_sides(x: keras.KerasTensor, name: str) -> None:
    """Raises ValueError where the height or width of a map [B, h, w, C] is open: the layer `name`
    behind it is one of a certain size."""
    if None not in x.shape[1:3]:
        return
    instead = {"head": ", or include_top=False", "aux1": ", or aux_heads=False"}
    raise ValueError(
        f"got None in input_shape, but layer {name!r} of this model takes maps of one size alone; "
        f"expected a height and a width{instead.get(name.partition('_')[0], '')}"
    )


def is_positive_int(value: object) -> bool:
    """True for an integer >= 1; False for True, which Python counts as one."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
