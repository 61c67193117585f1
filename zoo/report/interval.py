"""How sure an accuracy is."""

from __future__ import annotations

import math

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
