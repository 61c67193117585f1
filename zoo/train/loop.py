"""A run, from its first step to a SavedModel.

    run = prepare(recipe, command)   (zoo/train/prepare.py) builds; tells what is wrong
    exit_code = train(run)           steps, evaluations, checkpoints; then report and export
"""

from __future__ import annotations

import bisect
import signal
import time

import numpy as np
import tensorflow as tf

from zoo.data import train_batches
from zoo.data.bad_images import BadImagesError, describe, named_errors
from zoo.evaluate.exact import Predictions, evaluate
from zoo.train import finish, run_folder
from zoo.train.prepare import Run
from zoo.train.progress import Progress, Scalars

# A call of several steps returns about this often, for the bar and for signals.
SECONDS_PER_CALL = 1.0


def train(run: Run) -> int:
    """Trains to the end, from wherever the run is, then reports and exports.

    Returns the exit code: 0, or 1 where the loss was no longer finite or an image could not be
    read, or 128 + the signal (interrupt, terminate) that stopped the run after a checkpoint.
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
    if run.source.skipped:
        progress.say(f"left out: {describe(run.source.skipped, 'train')}")
    scalars = Scalars(run.folder / "tensorboard")
    handlers = {
        number: signal.signal(number, lambda number, _: _note_signal(run, number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with named_errors(run.source.splits):
            exit_code = _train_steps(run, progress, scalars)
            predictions = {} if exit_code else {
                split: _validate(run) if split == "validation" else evaluate_split(run, split)
                for split in run.eval_sets
            }
    except BadImagesError as error:
        progress.say(f"error: {error}, or leave out those of train with --on_bad_image=skip")
        exit_code = 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        progress.close()
        scalars.close()
    if exit_code == 0:
        finish.finish(run.recipe, run.folder, run.source, predictions)
    return exit_code


def evaluate_split(run: Run, split: str) -> Predictions:
    """Predictions for each image of a split ("validation" or "test"), exactly once."""
    return evaluate(run.strategy, run.eval_call, run.eval_sets[split])


def _train_steps(run: Run, progress: Progress, scalars: Scalars) -> int:
    recipe, step = run.recipe, run.step
    started = time.perf_counter() - float(run.seconds)
    iterator = iter(run.strategy.experimental_distribute_dataset(_train_set(run)))
    train_call, phase_ends = None, step
    while step < run.total_steps:
        if step >= phase_ends:
            trainable, phase_ends = _phase_at(run, step)
            train_call = run.make_train_call(trainable)
            steps_at_once = 1  # the first call compiles; then as many as take SECONDS_PER_CALL
        epoch = step // run.steps_per_epoch + 1
        steps = min(
            steps_at_once, epoch * run.steps_per_epoch - step, phase_ends - step,
            recipe.checkpoint_every - step % recipe.checkpoint_every,
        )
        called = time.perf_counter()
        sums = train_call(iterator, tf.constant(steps, tf.int64)).numpy().astype(np.float64)
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


def _phase_at(run: Run, step: int) -> tuple[str, int]:
    """Which layers learn at `step`, and the step at which that ends."""
    starts = [start for start, _ in run.phases]
    place = bisect.bisect_right(starts, step) - 1
    return run.phases[place][1], [*starts, run.total_steps][place + 1]


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
        scale_jitter=recipe.scale_jitter or None, resizing=recipe.train_resizing,
        host_threads=recipe.host_threads, data_service=recipe.data_service,
    )


def _note_signal(run: Run, number: int) -> None:
    # The first asks for a checkpoint and an orderly end; a second one means now.
    if run.signals:
        raise KeyboardInterrupt
    run.signals.append(number)
