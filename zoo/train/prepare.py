"""A run, built from its recipe: each part from plain values, top to bottom.

Everything wrong with the input is told here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.augment import parse_policy
from zoo.data import Source, Split, check_service, eval_batches, open_source, steps_per_epoch
from zoo.evaluate.exact import Predictions, make_eval_call
from zoo.export.run_model import build_model
from zoo.finetune import set_trainable, stage_rates
from zoo.recipe import Recipe
from zoo.train import run_folder, runtime, transfer
from zoo.train.batch_norm import with_fused_batch_norm
from zoo.train.losses import make_loss
from zoo.train.optimizer import nesterov
from zoo.train.schedule import Schedule, make_schedule, scaled_from
from zoo.train.state import State, make_state
from zoo.train.step import Settings, make_forward, make_train_call


@dataclass
class Run:
    """All that a run needs, built and checked; nothing is written yet."""

    recipe: Recipe
    folder: Path
    command: str
    source: Source
    strategy: tf.distribute.Strategy
    state: State
    schedule: Schedule
    # At a change of what learns, a new call: (first step, which layers learn).
    phases: tuple[tuple[int, str], ...]
    make_train_call: Callable[[str], Callable]
    eval_call: Callable
    # Built once: building a pipeline takes longer than running a small one.
    eval_sets: dict[str, tf.distribute.DistributedDataset]
    steps_per_epoch: int
    manager: tf.train.CheckpointManager
    # Loss, correct and images of the epoch so far, and seconds of the run so far: they are in the
    # checkpoint, so that a resumed run reports what an unbroken one does.
    epoch_sums: tf.Variable
    seconds: tf.Variable
    signals: list[int] = field(default_factory=list)  # those that ask the run to stop
    validated: tuple[int, Predictions] | None = None  # the newest evaluation, and at which step

    @property
    def step(self) -> int:
        return int(self.state.step.read_value())

    @property
    def total_steps(self) -> int:
        return self.recipe.epochs * self.steps_per_epoch


def prepare(recipe: Recipe, command: str = "") -> Run:
    """Builds a run; restores it where its folder holds one begun with the same recipe.

    Raises ValueError or OSError, in one line, for whatever is wrong with the recipe's values, the
    data or the folder.
    """
    recipe = transfer.with_preprocessing(recipe)
    folder = run_folder.choose(recipe)
    runtime.configure(
        precision=recipe.precision, virtual_devices=recipe.virtual_devices,
        deterministic=recipe.deterministic, seed=recipe.seed,
    )
    strategy = runtime.make_strategy()
    _check_divides(recipe.batch_size, strategy.num_replicas_in_sync)
    source = open_source(
        recipe.data, data_dir=recipe.data_dir, cache_mb=recipe.cache_mb,
        on_bad_image=recipe.on_bad_image,
    )
    if recipe.data_service:
        check_service(recipe.data_service, source.splits["train"])
    run_folder.check_classes(folder, source.class_names)
    policy = parse_policy(recipe.augment)
    epoch_steps = steps_per_epoch(source.splits["train"].num_examples, recipe.batch_size)
    phases = transfer.phases(recipe, epoch_steps)
    schedule = scaled_from(
        make_schedule(
            recipe.schedule,
            peak=recipe.learning_rate * recipe.batch_size / recipe.base_batch_size,
            steps_per_epoch=epoch_steps, epochs=recipe.epochs, warmup_epochs=recipe.warmup_epochs,
        ),
        phases[-1][0], recipe.unfrozen_rate if len(phases) > 1 else 1.0,
    )
    settings = _settings(recipe, len(source.class_names))
    # A resumed run has its weights in the checkpoint: no need to fetch them again.
    begun = tf.train.latest_checkpoint(str(folder / "checkpoints")) is not None
    model = with_fused_batch_norm(
        build_model(recipe, len(source.class_names), weights="" if begun else recipe.weights)
    )
    state = make_state(model, strategy, scales_loss=settings.scales_loss)
    update = nesterov(
        momentum=recipe.momentum, weight_decay=recipe.weight_decay, bias_decay=recipe.bias_decay,
        rates=stage_rates(model, recipe.stage_decay),
    )

    def make_phase_call(trainable: str) -> Callable:
        set_trainable(model, trainable, freeze_bn=recipe.freeze_bn)
        return make_train_call(strategy, model, state, policy, schedule, update, settings)

    set_trainable(model, recipe.trainable)  # a stage that the model lacks is told now
    epoch_sums = tf.Variable(np.zeros(3), dtype=tf.float64, trainable=False)
    seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
    checkpoint = state.checkpoint(epoch_sums=epoch_sums, seconds=seconds)
    manager = tf.train.CheckpointManager(
        checkpoint, str(folder / "checkpoints"), max_to_keep=recipe.keep_checkpoints
    )
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    return Run(
        recipe=recipe, folder=folder, command=command, source=source, strategy=strategy,
        state=state, schedule=schedule, phases=phases, make_train_call=make_phase_call,
        eval_call=make_eval_call(
            strategy, make_forward(model, state, settings), jit_compile=settings.jit_compile
        ),
        eval_sets={
            name: _eval_set(recipe, examples, strategy)
            for name, examples in source.splits.items() if name != "train"
        },
        steps_per_epoch=epoch_steps, manager=manager, epoch_sums=epoch_sums, seconds=seconds,
    )


def _eval_set(
    recipe: Recipe, examples: Split, strategy: tf.distribute.Strategy
) -> tf.distribute.DistributedDataset:
    replicas = strategy.num_replicas_in_sync
    # Inference keeps no activations for gradients, so larger batches fit, and run faster; but no
    # larger than the split, so that a small one is not mostly padding.
    batch_size = min(4 * recipe.batch_size, math.ceil(examples.num_examples / replicas) * replicas)
    return strategy.experimental_distribute_dataset(eval_batches(
        examples, image_size=recipe.image_size, channels=recipe.channels,
        batch_size=batch_size, eval_resize=recipe.eval_resize, resizing=recipe.eval_resizing,
        host_threads=recipe.host_threads,
    ))


def _settings(recipe: Recipe, num_classes: int) -> Settings:
    return Settings(
        num_classes=num_classes, mean=recipe.mean, std=recipe.std,
        label_smoothing=recipe.label_smoothing, batch_size=recipe.batch_size, seed=recipe.seed,
        scales_loss=recipe.precision == "mixed_float16",
        jit_compile=runtime.uses_xla(recipe.xla), loss=make_loss(recipe.loss),
    )


def _check_divides(batch_size: int, replicas: int) -> None:
    if batch_size % replicas:
        raise ValueError(
            f"--batch_size: got {batch_size}; expected a multiple of the {replicas} replicas"
        )
