"""Curves as numbers that a template draws: places in 0..1000, ticks, and what a zoom must know."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

SIDE = 1000  # of the plot, in its own units
# Up to so many values each is a dot, too: one alone makes no line.
_MOST_DOTS = 40
# Fewer values are shown as they are.
_LEAST_SMOOTHED = 8
# Of the weights that smooth, as a share of all values.
_SMOOTHED_SHARE = 1 / 40


class Line(NamedTuple):
    """label: of the legend. x, y: of equal length, y NaN where there is no value. colour: 1..8.
    dashed: drawn so, as one kind of a pair. smooth: with a smoothed line over it."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int
    dashed: bool = False
    smooth: bool = True


class DrawnLine(NamedTuple):
    """raw, smooth: "x,y x,y ..." in units of the plot; smooth is "" where nothing is smoothed."""

    label: str
    colour: int
    dashed: bool
    raw: str
    smooth: str
    dots: bool


class Tick(NamedTuple):
    """place: 0..SIDE from the left or the top; text: the value."""

    place: float
    text: str


@dataclass(frozen=True)
class Chart:
    """left, right, bottom, top: values at the edges, of the logarithms where `logarithmic`."""

    title: str
    unit: str
    left: float
    right: float
    bottom: float
    top: float
    logarithmic: bool
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    lines: Sequence[DrawnLine]


class Panel(NamedTuple):
    """Lines over epochs. may_be_log: for a logarithmic axis where the values change by more than
    ten times."""

    title: str
    unit: str
    lines: Sequence[Line]
    may_be_log: bool = False


def chart(panel: Panel) -> Chart:
    """The panel as a template draws it; x from 0."""
    title, unit, lines, may_be_log = panel
    values = np.concatenate([np.asarray(line.y, float) for line in lines])
    values = values[np.isfinite(values)]
    lowest = log_bottom(values) if may_be_log else None
    to_axis = np.log10 if lowest else lambda y: y
    bottom, top = _edges(to_axis(lowest) if lowest else values.min(), to_axis(values.max()))
    right = max(line.x[-1] for line in lines)
    right += max(0.02 * right, 0.5)
    drawn = [
        _drawn(line, SIDE * np.asarray(line.x, float) / right,
               SIDE * (top - _masked_log(line.y, lowest)) / (top - bottom))
        for line in lines
    ]
    epochs = MaxNLocator(5, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1).tick_values(0, right)
    x_ticks = [Tick(SIDE * own / right, f"{own:g}") for own in epochs if own <= right]
    y_ticks = [
        Tick(SIDE * (top - place) / (top - bottom), f"{value:.10g}")
        for value, place in _y_values(bottom, top, lowest is not None) if bottom <= place <= top
    ]
    return Chart(title, unit, 0.0, right, bottom, top, lowest is not None, x_ticks, y_ticks, drawn)


def log_bottom(values: np.ndarray) -> float | None:
    """Where a logarithmic axis for these values begins; None where they differ by ten times at
    most.

    Zeros, as at the end of a cosine, are left out, and all below a ten-thousandth of the largest.
    """
    values = values[values > 0]
    if not len(values) or values.max() <= 10 * values.min():
        return None
    return max(values.min(), 1e-4 * values.max()) / 1.3


def smoothed(values: Sequence[float]) -> np.ndarray:
    """The mean of each value with those around it, weighted by a normal distribution: it does not
    lag behind, as a mean of the past does. Near the ends as many on one side as on the other, so
    that the first and the last stay; NaN has no weight."""
    values = np.asarray(values, float)
    count, width = len(values), max(1.0, _SMOOTHED_SHARE * len(values))
    found = np.full(count, np.nan)
    for place in np.flatnonzero(np.isfinite(values)):
        reach = min(place, count - 1 - place, math.ceil(3 * width))
        near = values[place - reach : place + reach + 1]
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2) * np.isfinite(near)
        found[place] = np.nansum(weights * near) / weights.sum()
    return found


def _edges(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def _masked_log(values: np.ndarray, lowest: float | None) -> np.ndarray:
    values = np.asarray(values, float)
    if lowest is None:
        return values
    return np.log10(np.where(values >= lowest, values, np.nan))


def _y_values(bottom: float, top: float, logarithmic: bool) -> list[tuple[float, float]]:
    """(value, place on the axis) of the ticks."""
    if not logarithmic:
        return [(value, value) for value in MaxNLocator(5).tick_values(bottom, top)]
    # Over more than two decades their numbers alone have room.
    steps = (1, 2, 5) if top - bottom <= 2.2 else (1,)
    values = LogLocator(subs=steps, numticks=20).tick_values(10**bottom, 10**top)
    return [(value, math.log10(value)) for value in values]


def _drawn(line: Line, x: np.ndarray, y: np.ndarray) -> DrawnLine:
    """x, y: in units of the plot, which smoothing follows: as one sees it."""
    smooth = line.smooth and len(x) >= _LEAST_SMOOTHED
    return DrawnLine(
        line.label, line.colour, line.dashed, _points(x, y), _points(x, smoothed(y)) * smooth,
        len(x) <= _MOST_DOTS,
    )


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(
        f"{own_x:.1f},{own_y:.1f}" for own_x, own_y in zip(x, y, strict=True)
        if math.isfinite(own_y)
    )
