"""Whether a model is as often right as it says: calibration, and one number that mends it.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (arXiv 1706.04599).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_softmax

BINS = 15  # as in the paper
# Temperatures are looked for between these: where every label of few images has the largest logit,
# the best one would be 0.
COLDEST, HOTTEST = 0.05, 20.0
_ROWS = 4096  # of logits at once in float64


@dataclass(frozen=True)
class Reliability:
    """Images by how sure the model is of its answer, in bins of one width.

    edges: float [bins + 1], from 0 to 1; a bin holds its upper edge, not its lower one.
    counts: int [bins]. confidence, accuracy: float [bins], the mean probability of the answers and
    the share of right ones, in 0..1; NaN where a bin is empty.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, 0..1: the mean over images of the difference between
        accuracy and confidence in their bin. NaN without images."""
        if not self.counts.sum():
            return float("nan")
        filled = self.counts > 0
        gaps = np.abs(self.accuracy - self.confidence)[filled]
        return float(np.average(gaps, weights=self.counts[filled]))


def reliability(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> Reliability:
    """confidence: float [N], the probability of each image's answer; correct: bool [N]."""
    edges = np.linspace(0, 1, bins + 1)
    places = np.searchsorted(edges[1:-1], confidence)
    counts = np.bincount(places, minlength=bins)

    def mean(values: np.ndarray) -> np.ndarray:
        sums = np.bincount(places, weights=values, minlength=bins)
        return np.divide(sums, counts, out=np.full(bins, np.nan), where=counts > 0)

    return Reliability(
        edges, counts, mean(np.asarray(confidence, np.float64)), mean(correct.astype(np.float64))
    )


def log_probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """float64 [N, C]: the logarithm of the softmax of logits / temperature."""
    return log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)


def confidence_at(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """float64 [N]: the probability of each image's likeliest class at a temperature."""
    return np.concatenate([
        np.exp(log_probabilities(some, temperature).max(1)) for some in _parts(logits)
    ])


def loss_at(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """The mean cross-entropy, nats, at a temperature."""
    return float(np.mean(np.concatenate([
        -np.take_along_axis(log_probabilities(some, temperature), own[:, None], 1)[:, 0]
        for some, own in zip(_parts(logits), _parts(labels), strict=True)
    ])))


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature, `COLDEST` to `HOTTEST`, at which the mean cross-entropy is least.

    logits: float [N, C], finite; labels: int [N]; N at least 1. The cross-entropy is convex in the
    inverse temperature, so where its slope is 0 is the only minimum.
    """

    def slope(inverse: float) -> float:
        total = 0.0
        for some, own in zip(_parts(logits), _parts(labels), strict=True):
            exact = np.asarray(some, np.float64)
            expected = (np.exp(log_softmax(inverse * exact, axis=1)) * exact).sum(1)
            total += float(np.sum(expected - np.take_along_axis(exact, own[:, None], 1)[:, 0]))
        return total / len(labels)

    low, high = 1 / HOTTEST, 1 / COLDEST
    if slope(low) >= 0:
        return HOTTEST
    if slope(high) <= 0:
        return COLDEST
    return 1 / brentq(slope, low, high, xtol=1e-14, rtol=1e-14)


def first_half(names: Sequence[str]) -> np.ndarray:
    """bool [N]: about half of the images, by a hash of their names: the same ones in each
    evaluation, on each machine, whatever other images there are."""
    return np.array([hashlib.sha256(name.encode(errors="surrogateescape")).digest()[0] < 128
                     for name in names], bool)


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
