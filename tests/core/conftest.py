"""Digits in an order that no class goes first in."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.data import open_source


@pytest.fixture(scope="module")
def digits():
    split = open_source("mnist5k").splits["train"]
    order = np.random.default_rng(0).permutation(split.num_examples)  # it is sorted by class
    return split.images[order], split.labels[order]
