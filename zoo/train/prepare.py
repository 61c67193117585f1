"""A run, built from its recipe: each part from plain values, top to bottom.

Everything wrong with the input is told here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.core import runtime
from zoo.core.averaging import OPTIMIZERS_OWN, Average, make_average
from zoo.core.decay import Span
from zoo.core.forward import make_forward
from zoo.core.gradients import Settings
from zoo.core.schedule import Schedule
from zoo.core.state import State, make_state
from zoo.data import Source, contents_of
from zoo.evaluate.exact import Predictions, make_eval_call
from zoo.finetune import set_trainable
from zoo.recipe import Recipe
from zoo.report.run_facts import Pictures
from zoo.runs import checkpoints, run_folder
from zoo.runs.checkpoints import Checkpoints
from zoo.train import parts
from zoo.train.phase_calls import PhaseCalls
from zoo.train.resuming import settle
from zoo.train.times import Times, times_of


@dataclass
class Run:
    """All that a run needs, built and checked; nothing is written yet."""

    recipe: Recipe
    folder: Path
    command: str
    source: Source
    contents: dict[str, dict]  # of `zoo.data.contents_of`
    data_changes: list[str]  # since the run went on last, where they have been accepted
    strategy: tf.distribute.Strategy
    state: State
    schedule: Schedule
    span: Span
    average: Average | None
    phase_calls: PhaseCalls
    # By what predicts: "weights", and where the run keeps averages of them, "averages".
    eval_calls: dict[str, Callable]
    # Built once: building a pipeline takes longer than running a small one.
    eval_sets: dict[str, tf.distribute.DistributedDataset]
    checkpoints: Checkpoints
    # Loss, correct and images of the epoch so far, and seconds of the run so far: they are in the
    # checkpoint, so that a resumed run reports what an unbroken one does.
    epoch_sums: tf.Variable
    seconds: tf.Variable
    signals: list[int] = field(default_factory=list)  # those that ask the run to stop
    signalled_at: float = 0.0  # the first of them, by time.monotonic
    # The newest evaluation, and at which step, by what predicts.
    validated: tuple[int, dict[str, Predictions]] | None = None
    # For the report: the recipe without the run's changes and what it tells of its accuracy; what
    # the time goes to, and what has been drawn so far.
    published: Recipe | None = None
    expected: str = ""
    times: Times = field(default_factory=lambda: times_of([]))
    pictures: Pictures = field(default_factory=Pictures)

    @property
    def step(self) -> int:
        return int(self.state.step.read_value())

    @property
    def total_steps(self) -> int:
        return self.span.total_steps

    @property
    def steps_per_epoch(self) -> int:
        return self.span.steps_per_epoch

    @property
    def parts_of_a_batch(self) -> int:
        """How many gradients a step adds up: micro-batches of all replicas."""
        return self.recipe.micro_batches * self.strategy.num_replicas_in_sync

    @property
    def leaves(self) -> str:
        """What the run leaves: its "averages", or its "weights" where it keeps none."""
        return "weights" if self.average is None else "averages"

    @property
    def space(self) -> int:
        """Bytes that it needs to go on to its end: a checkpoint beside the one before and that of
        the best evaluation, and its values three times."""
        values = [*self.state.weights.values(), *self.state.statistics.values()]
        return 3 * self.checkpoints.num_bytes + 3 * 4 * sum(
            variable.shape.num_elements() for variable in values
        )

    def values(self) -> dict[str, np.ndarray]:
        """Variable path -> value of the trained model, as the run leaves it now."""
        state = self.state
        kept = state.averages if self.average else {**state.weights, **state.statistics}
        return {path: variable.read_value().numpy() for path, variable in kept.items()}


def prepare(
    recipe: Recipe, command: str = "", schedule: Schedule | None = None, *,
    folder: Path | None = None, published: Recipe | None = None, expected: str = "",
) -> Run:
    """Builds a run; restores it where its folder holds one begun with the same recipe.

    schedule: instead of the recipe's. folder: with the recipe that `settle` returned with it.
    published: the recipe that this one is a change of; expected: what it tells of its accuracy.

    Raises ValueError or OSError, in one line, for whatever is wrong with the recipe's values, the
    data or the folder.
    """
    if folder is None:
        recipe, folder = settle(recipe)
    runtime.configure(
        precision=recipe.precision, virtual_devices=recipe.virtual_devices,
        deterministic=recipe.deterministic, seed=recipe.seed,
    )
    strategy = runtime.make_strategy()
    parts.check_machine(recipe, strategy.num_replicas_in_sync)
    source = parts.open_data(recipe, folder)
    contents = contents_of(source.as_opened)
    data_changes = parts.check_data(recipe, folder, contents)
    span = parts.span_of(recipe, source)
    phases = parts.phases_of(recipe, span)
    schedule = schedule or parts.schedule_of(recipe, span)
    average = make_average(recipe.averaging, span)
    settings = parts.settings_of(recipe, source)
    # A resumed run has its weights in the checkpoint: no need to fetch them again.
    begun = checkpoints.newest(folder)
    run_folder.check_records(folder, resumed=begun is not None)
    weights = "" if begun else recipe.weights
    model = parts.trained_model(recipe, len(source.class_names), weights=weights)
    optimizer = parts.optimizer_of(recipe, model)
    if optimizer.evaluated is not None:
        average = OPTIMIZERS_OWN
    state = make_state(
        model, strategy, scales_loss=settings.scales_loss, slots=optimizer.slots,
        scalars=optimizer.scalars, averages=average is not None,
    )
    set_trainable(model, recipe.trainable)  # a stage that the model lacks is told now
    phase_calls = PhaseCalls(
        recipe=recipe, source=source, strategy=strategy, model=model, state=state,
        schedule=schedule, optimizer=optimizer, settings=settings, average=average, phases=phases,
    )
    variables = {
        "epoch_sums": tf.Variable(np.zeros(3), dtype=tf.float64, trainable=False),
        "seconds": tf.Variable(0.0, dtype=tf.float64, trainable=False),
    }
    saved = Checkpoints(folder, {**state.fields(), **variables}, keep=recipe.keep_checkpoints)
    if begun:
        saved.restore(begun)
    run = Run(
        recipe=recipe, folder=folder, command=command, source=source, contents=contents,
        data_changes=data_changes, strategy=strategy, state=state, schedule=schedule, span=span,
        average=average, phase_calls=phase_calls,
        eval_calls=_eval_calls(strategy, model, state, settings),
        eval_sets=parts.eval_sets(recipe, source, strategy),
        checkpoints=saved, published=published, expected=expected, **variables,
    )
    _check_steps_left(run)
    return run


def _check_steps_left(run: Run) -> None:
    if run.data_changes and run.step >= run.total_steps:
        raise ValueError(
            f"--data_changed: with the images that are there now the run has {run.total_steps} "
            f"steps, and {run.folder} is at step {run.step}; expected more images, or a new "
            "--run_dir"
        )


def _eval_calls(
    strategy: tf.distribute.Strategy, model: keras.Model, state: State, settings: Settings
) -> dict[str, Callable]:
    return {
        name: make_eval_call(
            strategy,
            make_forward(
                model, state, mean=settings.mean, std=settings.std,
                jit_compile=settings.jit_compile, averaged=name == "averages",
            ),
            jit_compile=settings.jit_compile,
        )
        for name in (("weights", "averages") if state.averages else ("weights",))
    }
