"""Two models on the same images, against statsmodels and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, bootstrap
from statsmodels.stats.contingency_tables import mcnemar as theirs

from zoo.evaluate.comparing import bootstrap_interval, compare, mcnemar


def test_two_networks(answers):
    first, second = ((logits.argmax(1) == answers.labels) for logits in answers[1:])
    got = compare(first, second)
    table = [[np.sum(first & second), np.sum(first & ~second)],
             [np.sum(~first & second), np.sum(~first & ~second)]]
    assert got.images == 1000 and min(got.only_first, got.only_second) > 5
    assert got.p == pytest.approx(theirs(table, exact=True).pvalue, abs=1e-9)
    assert got.difference == pytest.approx(first.mean() - second.mean(), abs=1e-12)
    drawn = bootstrap(
        (first.astype(int) - second,), np.mean, method="percentile", n_resamples=20_000,
        rng=np.random.default_rng(0), batch=1000,
    ).confidence_interval
    assert got.interval == pytest.approx((drawn.low, drawn.high), abs=1.5e-3)


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (5, 5), (3, 17), (400, 350)])
def test_mcnemar(pair):
    want = theirs([[10, pair[0]], [pair[1], 10]], exact=True).pvalue
    assert mcnemar(*pair) == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("only, count", [(3, 10), (40, 1000), (700, 50_000)])
def test_bootstrap_of_one_sided_differences_is_binomial(only, count):
    """Where one model alone is right now and then, their number is of a binomial distribution."""
    low, high = binom.ppf([0.025, 0.975], count, only / count) / count
    assert bootstrap_interval(only, 0, count) == pytest.approx((low, high), abs=1e-9)
    assert bootstrap_interval(0, only, count) == pytest.approx((-high, -low), abs=2 / count)


def test_no_difference():
    same = np.array([True, False, True])
    got = compare(same, same)
    assert (got.difference, got.interval, got.p) == (0, (0, 0), 1)
