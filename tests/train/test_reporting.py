"""What the report of a run shows of its images."""

from __future__ import annotations

import numpy as np

from zoo.train.reporting import example_rows


def test_examples_of_few_classes_of_many_and_of_one_without_images():
    labels = np.repeat(np.arange(3), 10)
    assert example_rows(labels, 3) == [*range(6), *range(10, 16), *range(20, 26)]
    assert example_rows(labels, 4) == example_rows(labels, 3)  # none of the last
    rows = example_rows(np.arange(1000)[::-1], 1000)
    assert len(rows) == 60
    shown = 999 - np.array(rows)
    assert shown[0] == 0 and shown[-1] == 999 and set(np.diff(shown)) <= {16, 17}
    assert example_rows(np.zeros(2, int), 1) == [0, 1]
