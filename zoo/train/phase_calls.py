"""The compiled calls of a run: a new one where what learns or the size of the images changes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from zoo.augment import parse_policy
from zoo.core.averaging import Average
from zoo.core.gradients import Settings
from zoo.core.optimizer import Optimizer
from zoo.core.phases import Phase
from zoo.core.schedule import Schedule
from zoo.core.state import State
from zoo.core.step import make_train_call
from zoo.core.swa_statistics import make_statistics_call
from zoo.data import Source
from zoo.data.on_device import make_pick
from zoo.finetune import set_trainable
from zoo.recipe import Recipe
from zoo.train import parts
from zoo.train.teacher import teacher_of


@dataclass
class PhaseCalls:
    """Makes the calls of each phase over the same state.

    Raises ValueError, in one line, for a teacher that does not fit, or a size of `phases` at which
    the model has other weights.
    """

    recipe: Recipe
    source: Source
    strategy: tf.distribute.Strategy
    model: keras.Model
    state: State
    schedule: Schedule
    optimizer: Optimizer
    settings: Settings
    average: Average | None
    phases: tuple[Phase, ...]

    def __post_init__(self):
        recipe, classes = self.recipe, self.source.class_names
        self._teacher = teacher_of(
            recipe, self.strategy, classes, jit_compile=self.settings.jit_compile
        )
        other_sizes = {phase.image_size for phase in self.phases} - {recipe.image_size}
        self._models = {recipe.image_size: self.model} | {
            size: parts.model_at(recipe, len(classes), size, self.state) for size in other_sizes
        }
        # Tracing takes seconds, and evaluations come again.
        self.statistics_call = functools.cache(self._statistics_call)

    def train_call(self, phase: Phase) -> Callable:
        """See `zoo.core.step.make_train_call`."""
        recipe, model = self.recipe, self._models[phase.image_size]
        set_trainable(model, phase.trainable, freeze_bn=recipe.freeze_bn)
        pick = make_pick(
            self.source.splits["train"], self.strategy, image_size=phase.image_size,
            channels=recipe.channels, resizing=recipe.train_resizing, host_ops=recipe.host_ops,
        ) if recipe.data_on_device else None
        return make_train_call(
            self.strategy, model, self.state, parse_policy(phase.augment), self.schedule,
            self.optimizer, self.settings, average=self.average, teacher=self._teacher, pick=pick,
        )

    def _statistics_call(self, phase: Phase) -> Callable:
        """See `zoo.core.swa_statistics.make_statistics_call`."""
        set_trainable(self.model, phase.trainable, freeze_bn=self.recipe.freeze_bn)
        return make_statistics_call(
            self.strategy, self.model, self.state, parse_policy(phase.augment), self.settings
        )
