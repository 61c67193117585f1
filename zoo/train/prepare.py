"""A run, built from its recipe: each part from plain values, top to bottom.

Everything wrong with the input is told here.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.augment import parse_policy
from zoo.core import runtime
from zoo.core.averaging import Average, make_average
from zoo.core.batch_norm import with_fused_batch_norm, with_synchronized_batch_norm
from zoo.core.decay import Span
from zoo.core.forward import make_forward
from zoo.core.gradients import Settings
from zoo.core.losses import class_weights, make_loss
from zoo.core.optimizer import Optimizer, make_optimizer
from zoo.core.phases import Phase, make_phases
from zoo.core.schedule import Schedule, make_schedule, scaled_from
from zoo.core.state import State, make_state
from zoo.core.step import make_train_call
from zoo.core.swa_statistics import make_statistics_call
from zoo.data import Source, Split, check_service, eval_batches, open_source, steps_per_epoch
from zoo.data.host_ops import choose
from zoo.data.on_device import check_on_device, make_pick
from zoo.data.splits import read_labels
from zoo.evaluate.exact import Predictions, make_eval_call
from zoo.export.run_model import build_model
from zoo.finetune import set_trainable, stage_rates
from zoo.recipe import Recipe
from zoo.runs import run_folder
from zoo.train import pretrained
from zoo.train.teacher import teacher_of


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
    # At a change of what learns, or of the images' size, a new call.
    phases: tuple[Phase, ...]
    make_train_call: Callable[[Phase], Callable]
    average: Average | None
    make_statistics_call: Callable[[Phase], Callable]  # for averages that want it
    # What predicts: the weights, and where there are averages of them, those.
    eval_calls: dict[str, Callable]
    # Built once: building a pipeline takes longer than running a small one.
    eval_sets: dict[str, tf.distribute.DistributedDataset]
    steps_per_epoch: int
    manager: tf.train.CheckpointManager
    best_manager: tf.train.CheckpointManager  # of the best evaluation, with early stopping
    # Loss, correct and images of the epoch so far, and seconds of the run so far: they are in the
    # checkpoint, so that a resumed run reports what an unbroken one does.
    epoch_sums: tf.Variable
    seconds: tf.Variable
    signals: list[int] = field(default_factory=list)  # those that ask the run to stop
    signalled_at: float = 0.0  # the first of them, by time.monotonic
    # The newest evaluation, and at which step, by what predicts.
    validated: tuple[int, dict[str, Predictions]] | None = None

    @property
    def step(self) -> int:
        return int(self.state.step.read_value())

    @property
    def total_steps(self) -> int:
        return self.recipe.epochs * self.steps_per_epoch

    def restore_best(self) -> None:
        """Takes the state at the best evaluation back."""
        self.best_manager.checkpoint.restore(self.best_manager.latest_checkpoint).assert_consumed()


def prepare(recipe: Recipe, command: str = "", schedule: Schedule | None = None) -> Run:
    """Builds a run; restores it where its folder holds one begun with the same recipe.

    schedule: instead of the recipe's.

    Raises ValueError or OSError, in one line, for whatever is wrong with the recipe's values, the
    data or the folder.
    """
    recipe = pretrained.with_preprocessing(recipe)
    folder = run_folder.choose(recipe)
    runtime.configure(
        precision=recipe.precision, virtual_devices=recipe.virtual_devices,
        deterministic=recipe.deterministic, seed=recipe.seed,
    )
    strategy = runtime.make_strategy()
    _check_machine(recipe, strategy.num_replicas_in_sync)
    source = _open(recipe, folder)
    span = _span(recipe, source)
    phases = _phases(recipe, span)
    schedule = schedule or _schedule(recipe, span)
    average = make_average(recipe.averaging, span)
    settings = _settings(recipe, source)
    # A resumed run has its weights in the checkpoint: no need to fetch them again.
    begun = tf.train.latest_checkpoint(str(folder / "checkpoints")) is not None
    model = _build(recipe, source, recipe.image_size, weights="" if begun else recipe.weights)
    optimizer = _optimizer(recipe, model)
    state = make_state(
        model, strategy, scales_loss=settings.scales_loss, slots=optimizer.slots,
        averages=average is not None,
    )
    set_trainable(model, recipe.trainable)  # a stage that the model lacks is told now
    models = {recipe.image_size: model} | {
        phase.image_size: _model_at(recipe, source, phase.image_size, state)
        for phase in phases if phase.image_size != recipe.image_size
    }
    policy = parse_policy(recipe.augment)
    teacher = teacher_of(recipe, strategy, source.class_names, jit_compile=settings.jit_compile)

    def make_phase_call(phase: Phase) -> Callable:
        own = models[phase.image_size]
        set_trainable(own, phase.trainable, freeze_bn=recipe.freeze_bn)
        pick = make_pick(
            source.splits["train"], strategy, image_size=phase.image_size,
            channels=recipe.channels, resizing=recipe.train_resizing, host_ops=recipe.host_ops,
        ) if recipe.data_on_device else None
        return make_train_call(
            strategy, own, state, policy, schedule, optimizer, settings, average=average,
            teacher=teacher, pick=pick,
        )

    @functools.cache  # tracing takes seconds, and evaluations come again
    def make_phase_statistics_call(phase: Phase) -> Callable:
        set_trainable(model, phase.trainable, freeze_bn=recipe.freeze_bn)
        return make_statistics_call(strategy, model, state, policy, settings)

    sums_and_seconds = {
        "epoch_sums": tf.Variable(np.zeros(3), dtype=tf.float64, trainable=False),
        "seconds": tf.Variable(0.0, dtype=tf.float64, trainable=False),
    }
    checkpoint = state.checkpoint(**sums_and_seconds)
    manager, best_manager = (
        tf.train.CheckpointManager(checkpoint, str(folder / name), max_to_keep=count)
        for name, count in (("checkpoints", recipe.keep_checkpoints), ("best", 1))
    )
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    return Run(
        recipe=recipe, folder=folder, command=command, source=source, strategy=strategy,
        state=state, schedule=schedule, phases=phases, make_train_call=make_phase_call,
        average=average, make_statistics_call=make_phase_statistics_call,
        eval_calls=_eval_calls(strategy, model, state, settings),
        eval_sets={
            name: _eval_set(recipe, examples, strategy)
            for name, examples in source.splits.items() if name != "train"
        },
        steps_per_epoch=span.steps_per_epoch, manager=manager, best_manager=best_manager,
        **sums_and_seconds,
    )


def _open(recipe: Recipe, folder: Path) -> Source:
    _, why_not_native = choose(recipe.host_ops)
    if why_not_native:
        print(why_not_native, flush=True)
    source = open_source(
        recipe.data, data_dir=recipe.data_dir, cache_mb=recipe.cache_mb,
        on_bad_image=recipe.on_bad_image, train_images=recipe.train_images,
    )
    if recipe.data_service:
        check_service(recipe.data_service, source.splits["train"])
    if recipe.data_on_device:
        for side in {recipe.image_size, *map(int, recipe.train_sizes)}:
            check_on_device(source.splits["train"], side)
    run_folder.check_classes(folder, source.class_names)
    return source


def _phases(recipe: Recipe, span: Span) -> tuple[Phase, ...]:
    return make_phases(
        frozen_steps=round(recipe.frozen_epochs * span.steps_per_epoch),
        trainable=recipe.trainable,
        sizes=[int(side) for side in recipe.train_sizes] or [recipe.image_size],
        total_steps=span.total_steps,
    )


def _span(recipe: Recipe, source: Source) -> Span:
    steps = steps_per_epoch(source.splits["train"].num_examples, recipe.batch_size)
    return Span(steps, round(recipe.warmup_epochs * steps), recipe.epochs * steps)


def _schedule(recipe: Recipe, span: Span) -> Schedule:
    schedule = make_schedule(
        recipe.schedule, peak=recipe.learning_rate * recipe.batch_size / recipe.base_batch_size,
        steps_per_epoch=span.steps_per_epoch, epochs=recipe.epochs,
        warmup_epochs=recipe.warmup_epochs,
    )
    frozen_steps = round(recipe.frozen_epochs * span.steps_per_epoch)
    return scaled_from(schedule, frozen_steps, recipe.unfrozen_rate) if frozen_steps else schedule


def _build(recipe: Recipe, source: Source, image_size: int, weights: str = "") -> keras.Model:
    sized = dataclasses.replace(
        recipe, image_size=image_size, eval_resize=max(image_size, recipe.eval_resize)
    )
    model = build_model(
        sized, len(source.class_names), weights=weights, aux_heads=recipe.aux_weight > 0
    )
    return with_synchronized_batch_norm(model) if recipe.sync_bn else with_fused_batch_norm(model)


def _model_at(recipe: Recipe, source: Source, image_size: int, state: State) -> keras.Model:
    """The model for training images of another size, with weights of the same shapes."""
    try:
        model = _build(recipe, source, image_size)
    except ValueError as error:
        raise ValueError(f"--train_sizes: {error}") from None
    for variable in model.trainable_variables:
        there = state.weights.get(variable.path)
        if there is None or there.shape != variable.shape:
            raise ValueError(
                f"--train_sizes: got {image_size}, at which {recipe.model} has other weights "
                f"({variable.path}); expected image_size={recipe.image_size} alone"
            )
    return model


def _optimizer(recipe: Recipe, model: keras.Model) -> Optimizer:
    return make_optimizer(
        recipe.optimizer, weight_decay=recipe.weight_decay, bias_decay=recipe.bias_decay,
        decoupled_decay=recipe.decoupled_decay, l1_penalty=recipe.l1_penalty,
        clip_norm=recipe.clip_norm, clip_value=recipe.clip_value,
        rates=stage_rates(model, recipe.stage_decay),
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


def _settings(recipe: Recipe, source: Source) -> Settings:
    num_classes = len(source.class_names)
    balanced = recipe.class_weights == "balanced"
    labels = read_labels(source.splits["train"]) if balanced else np.array([], np.int32)
    return Settings(
        num_classes=num_classes, mean=recipe.mean, std=recipe.std,
        label_smoothing=recipe.label_smoothing, batch_size=recipe.batch_size, seed=recipe.seed,
        scales_loss=recipe.precision == "mixed_float16",
        jit_compile=runtime.uses_xla(recipe.xla), loss=make_loss(recipe.loss),
        class_weights=class_weights(recipe.class_weights, labels, num_classes),
        aux_weight=recipe.aux_weight, micro_batches=recipe.micro_batches,
        sync_bn=recipe.sync_bn, recompute=recipe.recompute,
        temperature=recipe.temperature, hard_weight=recipe.hard_weight,
    )


def _check_machine(recipe: Recipe, replicas: int) -> None:
    if recipe.sync_bn and runtime.uses_xla(recipe.xla):
        raise ValueError("--sync_bn: got true with XLA; expected --xla=off: statistics that cross "
                         "replicas cannot be compiled")
    parts = replicas * recipe.micro_batches
    if recipe.batch_size % parts:
        raise ValueError(
            f"--batch_size: got {recipe.batch_size}; expected a multiple of {parts}: {replicas} "
            f"replicas, {recipe.micro_batches} micro-batches each"
        )
