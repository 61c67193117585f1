"""Calibration against scikit-learn's and statsmodels' on the same predictions."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from zoo.evaluate.calibration import (
    COLDEST,
    HOTTEST,
    confidence_at,
    first_half,
    fit_temperature,
    loss_at,
    reliability,
)


@pytest.mark.parametrize("bins", [10, 15])
def test_bins_and_error(answers, bins):
    confidence = softmax(answers.lenet5.astype(np.float64), axis=1).max(1)
    correct = answers.lenet5.argmax(1) == answers.labels
    got = reliability(confidence, correct, bins)
    accuracy, mean = calibration_curve(correct, confidence, n_bins=bins)
    filled = got.counts > 0
    np.testing.assert_allclose(got.accuracy[filled], accuracy, rtol=0, atol=1e-9)
    np.testing.assert_allclose(got.confidence[filled], mean, rtol=0, atol=1e-9)
    counts, _ = np.histogram(confidence, got.edges)
    np.testing.assert_array_equal(got.counts, counts)
    assert got.error == pytest.approx(np.sum(counts[filled] * abs(accuracy - mean)) / 1000,
                                      abs=1e-9)
    assert 0.01 < got.error < 0.5


def test_a_bin_holds_its_upper_edge():
    got = reliability(np.array([0.0, 0.1, 0.2, 0.4, 1.0]), np.ones(5, bool), bins=5)
    assert got.counts.tolist() == [3, 1, 0, 0, 1]
    assert got.error == pytest.approx(np.mean([1, 0.9, 0.8, 0.6, 0]))
    assert np.isnan(got.accuracy[2])
    assert np.isnan(reliability(np.array([]), np.array([], bool)).error)


def test_temperature_of_two_classes_is_a_logistic_regression(answers):
    """The inverse temperature is the coefficient of the logits' difference, without a constant."""
    rows = np.isin(answers.labels, (4, 9))
    logits, labels = answers.lenet[rows][:, [4, 9]], (answers.labels[rows] == 9).astype(int)
    difference = np.diff(logits.astype(np.float64))[:, 0]
    fit = sm.Logit(labels, difference).fit(disp=0, tol=1e-14, method="newton")
    assert fit_temperature(logits, labels) == pytest.approx(1 / fit.params[0], rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 0.25, 3.0])
def test_temperature_of_ten_classes(answers, scale):
    logits, labels = answers.lenet5 * np.float32(scale), answers.labels
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(scale * fit_temperature(answers.lenet5, labels), rel=1e-6)
    loss = loss_at(logits, labels, temperature)
    exact = softmax(logits.astype(np.float64) / temperature, axis=1)
    assert loss == pytest.approx(log_loss(labels, exact, labels=range(10)), abs=1e-9)
    assert loss < min(loss_at(logits, labels, temperature * ratio) for ratio in (0.999, 1.001))
    np.testing.assert_allclose(confidence_at(logits, temperature), exact.max(1), atol=1e-12)
    correct = logits.argmax(1) == labels
    after = reliability(confidence_at(logits, temperature), correct).error
    assert after < reliability(confidence_at(logits), correct).error


def test_temperatures_have_bounds():
    right, labels = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
    assert fit_temperature(right, labels) == COLDEST
    assert fit_temperature(right, 1 - labels) == HOTTEST


def test_halves_are_the_same_everywhere():
    names = [f"{label}/{number}.png" for label in range(10) for number in range(100)]
    half = first_half(names)
    assert 450 < half.sum() < 550
    np.testing.assert_array_equal(first_half(names[::-1]), half[::-1])
    assert first_half(["0", "1", "2", "3", "4", "5", "6", "7"]).tolist() == [
        True, True, False, True, True, False, False, True
    ]
    assert first_half(["a\udcff.png"]).dtype == bool  # a name that is not UTF-8
