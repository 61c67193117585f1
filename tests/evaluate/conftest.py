"""What two shipped networks say of digits that are not where they ought to be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import zoo
from zoo.data import open_source


class Answers(NamedTuple):
    """labels int32 [1000]; logits float32 [1000, 10], of lenet5 and of lenet."""

    labels: np.ndarray
    lenet5: np.ndarray
    lenet: np.ndarray


@pytest.fixture(scope="session")
def answers() -> Answers:
    split = open_source("mnist5k").splits["validation"]
    shifted = np.roll(split.images, (4, 4), (1, 2))
    found = []
    for name in ("lenet5", "lenet"):
        model = zoo.create_model(name, weights="mnist")
        found.append(model.predict_on_batch(zoo.preprocess_input(shifted, model)))
    return Answers(split.labels, *found)
