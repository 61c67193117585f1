"""Models without memory: to compare what a file says of a model with the values that it has.

A file of somebody else may ask for a classifier of 10^8 classes or a layer of 10^9 units. Before
such a model is built, its shapes are looked at.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import zoo.models
from zoo.address import is_address
from zoo.lazy import lazy_module

keras = lazy_module("keras")
tf = lazy_module("tensorflow")

# Integers up to here, and other numbers up to 1, make no model larger than people train. Such
# a model is built at once; whether the values fit shows when they are assigned.
_USUAL = 1000


def shapes_of(name: str, **options: Any) -> keras.Model:
    """As `zoo.models.create_model`, but the variables have paths and shapes, and no values.

    A function from outside of the zoo may look at values, so that its models have some.

    Raises:
      ValueError: as `zoo.models.create_model`, or a shape that no variable can have; in one line.
    """
    # What draws the first values draws none.
    options = {key: value for key, value in options.items() if key != "kernel_initializer"}
    with contextlib.nullcontext() if is_address(name) else tf.Graph().as_default():
        try:
            return zoo.models.create_model(name, **options)
        except (ValueError, OverflowError) as error:
            raise ValueError(" ".join(str(error).split())[:500]) from error


def may_be_huge(options: Mapping[str, Any]) -> bool:
    """Whether the arguments of `zoo.models.create_model` have a number that multiplies sizes."""
    return any(
        abs(number) > (_USUAL if isinstance(number, int) else 1) for number in _numbers(options)
    )


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, (int, float)):
        yield value
