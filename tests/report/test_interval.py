"""The interval of an accuracy against SciPy's."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from zoo.report.interval import interval


@pytest.mark.parametrize("right, count", [(0, 1), (1, 1), (0, 50), (986, 1000), (39_500, 50_000)])
def test_wilson(right, count):
    want = binomtest(right, count).proportion_ci(method="wilson")
    assert interval(right / count, count) == pytest.approx((want.low, want.high), abs=1e-12)
