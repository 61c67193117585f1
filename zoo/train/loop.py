"""A run, from a recipe to a SavedModel: builds each part from plain values, top to bottom.

    run = prepare(recipe, command)   everything wrong with the input is told here, by ValueError
    exit_code = train(run)           steps, evaluations, checkpoints; then report and export
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from zoo.augment import parse_policy
from zoo.data import Source, Split, eval_batches, open_source, steps_per_epoch, train_batches
from zoo.evaluate.exact import Predictions, evaluate, make_eval_call
from zoo.export.run_model import build_model
from zoo.recipe import Recipe
from zoo.train import finish, run_folder, runtime
from zoo.train.batch_norm import with_fused_batch_norm
from zoo.train.optimizer import nesterov
from zoo.train.progress import Progress, Scalars
from zoo.train.schedule import Schedule, make_schedule
from zoo.train.state import State, make_state
from zoo.train.step import Settings, make_forward, make_train_call

# A call of several steps returns about this often, for the bar and for signals.
SECONDS_PER_CALL = 1.0


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
    train_call: Callable
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
    folder = run_folder.choose(recipe)
    runtime.configure(
        precision=recipe.precision, virtual_devices=recipe.virtual_devices,
        deterministic=recipe.deterministic, seed=recipe.seed,
    )
    strategy = runtime.make_strategy()
    _check_divides(recipe.batch_size, strategy.num_replicas_in_sync)
    source = open_source(recipe.data, data_dir=recipe.data_dir, cache_mb=recipe.cache_mb)
    run_folder.check_classes(folder, source.class_names)
    policy = parse_policy(recipe.augment)
    epoch_steps = steps_per_epoch(source.splits["train"], recipe.batch_size)
    schedule = make_schedule(
        recipe.schedule,
        peak=recipe.learning_rate * recipe.batch_size / recipe.base_batch_size,
        steps_per_epoch=epoch_steps, epochs=recipe.epochs, warmup_epochs=recipe.warmup_epochs,
    )
    settings = _settings(recipe, len(source.class_names))
    model = with_fused_batch_norm(build_model(recipe, len(source.class_names)))
    state = make_state(model, strategy, scales_loss=settings.scales_loss)
    update = nesterov(
        momentum=recipe.momentum, weight_decay=recipe.weight_decay, bias_decay=recipe.bias_decay
    )
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
        state=state, schedule=schedule,
        train_call=make_train_call(strategy, model, state, policy, schedule, update, settings),
        eval_call=make_eval_call(
            strategy, make_forward(model, state, settings), jit_compile=settings.jit_compile
        ),
        eval_sets={
            name: _eval_set(recipe, examples, strategy)
            for name, examples in source.splits.items() if name != "train"
        },
        steps_per_epoch=epoch_steps, manager=manager, epoch_sums=epoch_sums, seconds=seconds,
    )


def train(run: Run) -> int:
    """Trains to the end, from wherever the run is, then reports and exports.

    Returns the exit code: 0, or 1 where the loss was no longer finite, or 128 + the signal
    (interrupt, terminate) that stopped the run after a checkpoint.
    """
    run_folder.begin(
        run.folder, run.recipe, run.source.class_names, run.command,
        [device.name for device in tf.config.list_logical_devices()],
    )
    run_folder.keep_records(run.folder, until_step=run.step)
    progress = Progress(
        total_images=run.total_steps * run.recipe.batch_size,
        done_images=run.step * run.recipe.batch_size,
    )
    progress.say(f"run folder: {run.folder}, step {run.step} of {run.total_steps}")
    scalars = Scalars(run.folder / "tensorboard")
    handlers = {
        number: signal.signal(number, lambda number, _: _note_signal(run, number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        exit_code = _train_steps(run, progress, scalars)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        progress.close()
        scalars.close()
    if exit_code == 0:
        predictions = {
            split: _validate(run) if split == "validation" else evaluate_split(run, split)
            for split in run.eval_sets
        }
        finish.finish(run.recipe, run.folder, run.source, predictions)
    return exit_code


def evaluate_split(run: Run, split: str) -> Predictions:
    """Predictions for each image of a split ("validation" or "test"), exactly once."""
    return evaluate(run.strategy, run.eval_call, run.eval_sets[split])


def _train_steps(run: Run, progress: Progress, scalars: Scalars) -> int:
    recipe, step = run.recipe, run.step
    started = time.perf_counter() - float(run.seconds)
    iterator = iter(run.strategy.experimental_distribute_dataset(_train_set(run)))
    steps_at_once = 1  # the first call compiles; then as many as take SECONDS_PER_CALL
    while step < run.total_steps:
        epoch = step // run.steps_per_epoch + 1
        steps = min(
            steps_at_once, epoch * run.steps_per_epoch - step,
            recipe.checkpoint_every - step % recipe.checkpoint_every,
        )
        called = time.perf_counter()
        sums = run.train_call(iterator, tf.constant(steps, tf.int64)).numpy().astype(np.float64)
        seconds_per_step = (time.perf_counter() - called) / steps
        steps_at_once = min(
            recipe.steps_per_call, 2 * steps_at_once,
            max(1, int(SECONDS_PER_CALL / seconds_per_step)),
        )
        step += steps
        run.epoch_sums.assign_add(sums)
        now = {
            "loss": sums[0] / sums[2], "top_1": sums[1] / sums[2],
            "learning_rate": float(run.schedule(tf.constant(step - 1, tf.int64))),
            "loss_scale": float(run.state.loss_scale.read_value()),
        }
        if not np.isfinite(now["loss"]):
            progress.say(
                f"error: the loss is {now['loss']} within steps {step - steps} to {step}; expected "
                "a finite one: try a lower --learning_rate or more --warmup_epochs"
            )
            return 1
        progress.advance(steps * recipe.batch_size, epoch, now)
        scalars.write(step, {f"train/{name}": value for name, value in now.items()})
        epoch_ends = step % run.steps_per_epoch == 0
        if epoch_ends:
            if epoch % recipe.evaluate_every == 0 or epoch == recipe.epochs:
                _record(run, epoch, now, started, progress, scalars)
            run.epoch_sums.assign(np.zeros(3))
        if epoch_ends or run.signals or step % recipe.checkpoint_every == 0:
            run.seconds.assign(time.perf_counter() - started)
            run.manager.save(checkpoint_number=step)
        if run.signals and step < run.total_steps:
            progress.say(
                f"stopped by {signal.Signals(run.signals[0]).name} at step {step}; to go on, give "
                f"the same command --run_dir={run.folder}"
            )
            return 128 + run.signals[0]
    return 0


def _record(
    run: Run, epoch: int, now: dict, started: float, progress: Progress, scalars: Scalars
) -> None:
    validation = _validate(run)
    loss, correct, images = run.epoch_sums.numpy()
    seconds = time.perf_counter() - started
    record = {
        "epoch": epoch, "step": epoch * run.steps_per_epoch, "seconds": round(seconds, 3),
        "learning_rate": now["learning_rate"], "loss_scale": now["loss_scale"],
        "train_loss": loss / images, "train_top_1": correct / images,
        "loss": validation.loss, "top_1": validation.top_1, "top_5": validation.top_5,
    }
    run_folder.append_record(run.folder, record)
    scalars.write(record["step"], {
        f"validation/{name}": record[name] for name in ("loss", "top_1", "top_5")
    })
    progress.say(
        f"epoch {epoch}/{run.recipe.epochs}: train loss {loss / images:.4f}, "
        f"top-1 {100 * correct / images:.2f} %; validation loss {validation.loss:.4f}, "
        f"top-1 {100 * validation.top_1:.2f} %, top-5 {100 * validation.top_5:.2f} %; "
        f"{seconds:.1f} s"
    )


def _validate(run: Run) -> Predictions:
    if run.validated is None or run.validated[0] != run.step:
        run.validated = run.step, evaluate_split(run, "validation")
    return run.validated[1]


def _train_set(run: Run) -> tf.data.Dataset:
    recipe = run.recipe
    return train_batches(
        run.source.splits["train"], image_size=recipe.image_size, channels=recipe.channels,
        batch_size=recipe.batch_size, seed=recipe.seed, start_step=run.step,
        crop_area=recipe.crop_area, crop_ratio=recipe.crop_ratio,
        host_threads=recipe.host_threads,
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
        batch_size=batch_size, eval_resize=recipe.eval_resize, host_threads=recipe.host_threads,
    ))


def _settings(recipe: Recipe, num_classes: int) -> Settings:
    return Settings(
        num_classes=num_classes, mean=recipe.mean, std=recipe.std,
        label_smoothing=recipe.label_smoothing, batch_size=recipe.batch_size, seed=recipe.seed,
        scales_loss=recipe.precision == "mixed_float16",
        jit_compile=runtime.uses_xla(recipe.xla),
    )


def _check_divides(batch_size: int, replicas: int) -> None:
    if batch_size % replicas:
        raise ValueError(
            f"--batch_size: got {batch_size}; expected a multiple of the {replicas} replicas"
        )


def _note_signal(run: Run, number: int) -> None:
    # The first asks for a checkpoint and an orderly end; a second one means now.
    if run.signals:
        raise KeyboardInterrupt
    run.signals.append(number)
