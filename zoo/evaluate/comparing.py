"""Two models on the same images: is one better, or was it luck?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

_TAIL = 0.025  # on each side of a 95 % interval


@dataclass(frozen=True)
class Comparison:
    """Of a first model with a second one.

    images: how many. only_first, only_second: images that one alone has right.
    difference: top-1 of the first minus that of the second, -1..1; interval: its 95 % interval, by
    `bootstrap_interval`. p: of `mcnemar`.
    """

    images: int
    only_first: int
    only_second: int
    difference: float
    interval: tuple[float, float]
    p: float


def compare(first: np.ndarray, second: np.ndarray) -> Comparison:
    """first, second: bool [N], whether each model is right on each image, N at least 1."""
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    count = len(first)
    return Comparison(
        count, only_first, only_second, (only_first - only_second) / count,
        bootstrap_interval(only_first, only_second, count), mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of McNemar's test (1947): how likely the images that one model alone
    has right would be divided so unevenly, if both were equally good."""
    return float(min(1.0, 2 * binom.cdf(min(only_first, only_second), only_first + only_second,
                                        0.5)))


def bootstrap_interval(only_first: int, only_second: int, count: int) -> tuple[float, float]:
    """The 95 % percentile interval of the paired bootstrap (Efron 1979) of the difference of top-1.

    Of infinitely many samples of `count` images, not of some drawn at random: the sum of `count`
    draws of +1, -1 and 0 has a distribution in closed form, one draw's folded with itself.
    """
    size = 2 * count + 1
    one = np.zeros(size)
    one[0] = 1 - (only_first + only_second) / count
    one[1], one[-1] = only_first / count, only_second / count
    # In the order 0, 1, ..., count, -count, ..., -1.
    shares = np.fft.irfft(np.fft.rfft(one) ** count, size)
    below = np.cumsum(np.roll(shares, count))
    # Rounding leaves sums of exactly a tail a little beside it.
    low, high = (int(np.searchsorted(below, tail - 1e-12)) for tail in (_TAIL, 1 - _TAIL))
    return (low - count) / count, (high - count) / count
