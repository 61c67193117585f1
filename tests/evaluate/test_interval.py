"""Intervals against SciPy's and statsmodels'."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from zoo.evaluate.interval import interval, mean_interval


@pytest.mark.parametrize("right, count", [(0, 1), (1, 1), (0, 50), (986, 1000), (39_500, 50_000)])
def test_wilson(right, count):
    want = binomtest(right, count).proportion_ci(method="wilson")
    got = interval(right / count, count)
    assert got == pytest.approx((want.low, want.high), abs=1e-12)
    assert got == pytest.approx(proportion_confint(right, count, method="wilson"), abs=1e-9)


def test_mean():
    losses = np.random.default_rng(0).exponential(0.3, 1000)
    want = DescrStatsW(losses).zconfint_mean()
    assert mean_interval(losses) == pytest.approx(want, abs=1e-9)
    assert all(map(math.isnan, mean_interval([1.0])))
