"""The space of a sweep: ``learning_rate=log(0.01, 0.3); label_smoothing=choice(0, 0.1)``.

Each part names a field of the recipe and where its values lie:

    log(LOW, HIGH)        evenly over the logarithm
    uniform(LOW, HIGH)    evenly
    int(LOW, HIGH)        whole numbers, both ends included
    choice(A, B, ...)     these; texts in quotes, as choice('cosine', 'constant')

A grid needs to know how many values to take of log and uniform: log(0.01, 0.3, points=4).
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.recipe import Recipe
from zoo.spec import bind, parse_call


@dataclass(frozen=True)
class Range:
    """Numbers of `low` to `high`; `points` of them on a grid, 0 where it is not said."""

    low: float
    high: float
    log: bool
    points: int

    def grid(self) -> tuple[float, ...]:
        """The points, ends included. Raises ValueError where their number is not said."""
        if self.points == 0:
            raise ValueError("got no points=N for --sampler=grid; expected it")
        first, last = (math.log(end) if self.log else end for end in (self.low, self.high))
        steps = self.points - 1
        inner = (first + (last - first) * step / steps for step in range(1, steps))
        return (self.low, *((math.exp(x) if self.log else x) for x in inner), self.high)

    def ends(self) -> tuple[float, ...]:
        return self.low, self.high


@dataclass(frozen=True)
class Integers:
    low: int
    high: int

    def grid(self) -> range:
        return range(self.low, self.high + 1)

    def ends(self) -> tuple[int, ...]:
        return self.low, self.high


@dataclass(frozen=True)
class Choice:
    values: tuple

    def grid(self) -> tuple:
        return self.values

    def ends(self) -> tuple:
        return self.values


Parameter = Range | Integers | Choice


def parse_space(text: str, recipe: Recipe) -> dict[str, Parameter]:
    """Field of the recipe -> where its values lie, in the order of the text.

    Raises ValueError, in one line, for a text that cannot be read, a name that is no field that
    changes the result, and values that `recipe` may not have.
    """
    space: dict[str, Parameter] = {}
    for name, source in _assignments(text):
        try:
            _check_name(name, space)
            space[name] = bind(parse_call(source), KINDS, "range")
            _check_values(name, space[name], recipe)
        except ValueError as error:
            raise ValueError(f"--space: {name}: {error}") from None
    return space


def check_sampler(space: dict[str, Parameter], is_grid: bool) -> None:
    """Raises ValueError for points that nobody reads, and for a grid that lacks them."""
    for name, parameter in space.items():
        try:
            if is_grid:
                parameter.grid()
            elif isinstance(parameter, Range) and parameter.points:
                raise ValueError(
                    f"got points={parameter.points}, which only --sampler=grid reads; expected none"
                )
        except ValueError as error:
            raise ValueError(f"--space: {name}: {error}") from None


def _assignments(text: str) -> list[tuple[str, str]]:
    """(name, source of its value) of each part; the text is read by Python's own parser."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            statements = ast.parse(text.strip()).body
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        raise _unreadable(text) from None
    parts = []
    for statement in statements:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if not isinstance(target, ast.Name) or len(statement.targets) > 1:
            raise _unreadable(ast.get_source_segment(text.strip(), statement))
        parts.append((target.id, ast.get_source_segment(text.strip(), statement.value)))
    if not parts:
        raise _unreadable(text)
    return parts


def _unreadable(text: str) -> ValueError:
    return ValueError(
        f"--space: cannot read {text[:200]!r}; expected FIELD=RANGE joined by semicolons, such as "
        "learning_rate=log(0.01, 0.3); label_smoothing=choice(0, 0.1)"
    )


def _check_name(name: str, space: dict[str, Parameter]) -> None:
    fields = {
        field.name for field in dataclasses.fields(Recipe) if field.metadata["changes_result"]
    } - {"name"}
    if name not in fields:
        near = difflib.get_close_matches(name, sorted(fields), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"expected a field of the recipe that changes the result{hint}")
    if name in space:
        raise ValueError("got it twice; expected each field once")


def _check_values(name: str, parameter: Parameter, recipe: Recipe) -> None:
    """Tries the values in the recipe, each alone; of a range both ends."""
    kind = type(getattr(recipe, name))
    allowed = {int: (Integers, Choice), float: (Range, Integers, Choice)}.get(kind, (Choice,))
    if not isinstance(parameter, allowed):
        names = {Range: "log, uniform", Integers: "int", Choice: "choice"}
        raise ValueError(
            f"got numbers that a field of type {kind.__name__} may not have; expected "
            f"{', '.join(names[each] for each in allowed)}"
        )
    for value in parameter.ends():
        dataclasses.replace(recipe, **{name: value})


def _range(low: float, high: float, points: int, *, log: bool) -> Range:
    numbers = all(type(end) in (int, float) and math.isfinite(end) for end in (low, high))
    if not numbers or not low < high or log and low <= 0:
        raise ValueError(
            f"got {low!r} to {high!r}; expected numbers LOW < HIGH{', over 0' if log else ''}"
        )
    if type(points) is not int or points == 1 or points < 0:
        raise ValueError(f"got points={points!r}; expected a whole number of 2 or more")
    return Range(float(low), float(high), log, points)


def _log(low, high, points=0) -> Range:
    return _range(low, high, points, log=True)


def _uniform(low, high, points=0) -> Range:
    return _range(low, high, points, log=False)


def _integers(low, high) -> Integers:
    if type(low) is not int or type(high) is not int or not low < high:
        raise ValueError(f"got {low!r} to {high!r}; expected whole numbers LOW < HIGH")
    return Integers(low, high)


def _choice(*values) -> Choice:
    texts: Sequence[str] = [repr(value) for value in values]
    if len(values) < 2 or len(set(texts)) < len(texts):
        raise ValueError(f"got {', '.join(texts) or 'nothing'}; expected two or more that differ")
    return Choice(values)


KINDS = {"log": _log, "uniform": _uniform, "int": _integers, "choice": _choice}
