"""Figures of each class against scikit-learn's, and the worst mistakes."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import classification_report, confusion_matrix

from zoo.evaluate.per_class import confused_pairs, per_class


def test_each_class(answers):
    predicted = answers.lenet5.argmax(1)
    got = per_class(answers.labels, predicted, 10)
    want = classification_report(answers.labels, predicted, output_dict=True)
    for label in range(10):
        for name, values in zip(("precision", "recall", "f1-score", "support"), got, strict=True):
            assert abs(values[label] - want[str(label)][name]) < 1e-9


def test_classes_without_images_or_answers():
    got = per_class(np.array([0, 0, 1]), np.array([0, -1, 0]), 4)
    np.testing.assert_array_equal(got.precision, [0.5, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(got.recall, [0.5, 0, np.nan, np.nan])
    np.testing.assert_array_equal(got.f1, [0.5, 0, np.nan, np.nan])
    np.testing.assert_array_equal(got.support, [2, 1, 0, 0])


def test_worst_pairs(answers):
    confusion = confusion_matrix(answers.labels, answers.lenet5.argmax(1))
    pairs = confused_pairs(confusion, most=7)
    wrong = confusion - np.diag(np.diag(confusion))
    assert [count for count, *_ in pairs] == sorted(wrong.ravel())[:-8:-1]
    assert all(confusion[label, answer] == count for count, label, answer in pairs)
    assert confused_pairs(np.array([[5, 2, 0], [0, 5, 2], [2, 0, 5]]), most=9) == [
        (2, 0, 1), (2, 1, 2), (2, 2, 0)
    ]
