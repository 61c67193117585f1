"""A run as its reports tell it: the one structure that report.md and report.html are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from zoo.evaluate.exact import Predictions
from zoo.evaluate.interval import interval
from zoo.report.thumbnails import Thumbnail


class Reached(NamedTuple):
    """Of a split. top_1, its 95 % interval (low, high), top_5: 0..1; loss: nats."""

    split: str
    images: int
    top_1: float
    interval: tuple[float, float]
    top_5: float
    loss: float


@dataclass(frozen=True)
class Pictures:
    """examples: of some classes. augmented: training images as the model sees them. wrong: wrong
    answers of the highest probability. unsure: right ones of the lowest."""

    examples: Sequence[Thumbnail] = ()
    augmented: Sequence[Thumbnail] = ()
    wrong: Sequence[Thumbnail] = ()
    unsure: Sequence[Thumbnail] = ()


@dataclass(frozen=True)
class RunFacts:
    """While the run goes on it has no `left`, no wrong or unsure pictures and no `usage`.

    recipe: its fields. changed: those that change what is computed and differ from the recipe as it
    is published, as (value, the recipe's). expected: what that tells of its accuracy; "" where
    nothing. images: how many, by split. records: of metrics.jsonl. epochs, steps: of the whole run.
    reached: by the newest evaluation, or at the end by what the run leaves. left: which weights.
    diagnosis: what the curves say. confusion: int [C, C], rows are the classes of the validation
    images, columns the answers.
    skipped, left_out: training images, other files of the data's folder.
    seconds: what the time went to, over all starts of the run. speed: training images a second
    between evaluations, compilation left out; None where no step but first ones was made.
    memory: bytes at most, by where. launches: of launches.jsonl. commands: for a shell, by what
    they do. usage: Python that calls the SavedModel.
    """

    recipe: Mapping[str, Any]
    changed: Mapping[str, tuple[Any, Any]]
    expected: str
    class_names: tuple[str, ...]
    images: Mapping[str, int]
    records: Sequence[dict]
    epochs: int
    steps: int
    finished: bool
    reached: Sequence[Reached]
    diagnosis: Sequence[str]
    confusion: np.ndarray
    skipped: Sequence[str]
    left_out: Sequence[str]
    seconds: Mapping[str, float]
    speed: float | None
    memory: Mapping[str, int]
    launches: Sequence[dict]
    commands: Mapping[str, str]
    pictures: Pictures = field(default_factory=Pictures)
    left: str = ""
    usage: str = ""

    @property
    def title(self) -> tuple[str, str, str]:
        """Recipe, model, data."""
        return self.recipe["name"], self.recipe["model"], self.recipe["data"]

    @property
    def images_per_second(self) -> float:
        """Over the whole run, evaluations included."""
        last = self.records[-1]
        return last["step"] * self.recipe["batch_size"] / last["seconds"]


def reached(predictions: Mapping[str, Predictions]) -> list[Reached]:
    """predictions: by split."""
    return [
        Reached(split, len(own.labels), own.top_1, interval(own.top_1, len(own.labels)),
                own.top_5, own.loss)
        for split, own in predictions.items()
    ]
