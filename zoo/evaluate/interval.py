"""How sure a figure of some images is."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DEVIATIONS = 1.959963984540054  # of a normal distribution that hold 95 %


def interval(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval (Wilson 1927) of a probability that gave `share` of `count` draws.

    So two accuracies on the same images are not told apart where each lies in the other's interval.
    """
    square = _DEVIATIONS**2 / count
    middle = (share + square / 2) / (1 + square)
    spread = math.sqrt(share * (1 - share) / count + square / (4 * count))
    half = _DEVIATIONS * spread / (1 + square)
    return middle - half, middle + half


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the mean of values, by its standard error; NaN of fewer than two."""
    count = len(values)
    if count < 2:
        return math.nan, math.nan
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    half = _DEVIATIONS * math.sqrt(variance / count)
    return mean - half, mean + half
