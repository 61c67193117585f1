"""A run, from its first step to a SavedModel.

    run = prepare(recipe, command)   (zoo/train/prepare.py) builds; tells what is wrong
    exit_code = train(run)           steps, evaluations, checkpoints; then report and export
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from zoo.augment import parse_policy
from zoo.core.distribute import distributed
from zoo.core.noise_scale import noise_estimates
from zoo.core.phases import Phase, phase_at
from zoo.core.schedule import rate_factor
from zoo.data import index_batches
from zoo.data.bad_images import BadImagesError, describe, named_errors
from zoo.program import SECONDS_OF_ONE_SIGNAL, Stopped
from zoo.report.thumbnails import thumbnail
from zoo.runs import evaluations, run_folder
from zoo.train import finish
from zoo.train.bar import Progress
from zoo.train.batches import recipe_batches
from zoo.train.divergence import Diverged, check_loss, check_state
from zoo.train.evaluating import final_predictions, validate
from zoo.train.prepare import Run
from zoo.train.reporting import write_page
from zoo.train.resuming import finished
from zoo.train.tensorboard import MOST_IMAGES, TensorBoard
from zoo.train.times import CHECKPOINTS, EVALUATION, FIRST_STEPS, REPORT, times_of

# A call of several steps returns about this often, for the bar and for signals.
SECONDS_PER_CALL = 1.0


def train(run: Run) -> int:
    """Trains to the end, from wherever the run is, then reports and exports; a finished run is left
    as it is.

    Returns the exit code: 0, or 1 where a loss or weight was no longer finite, an image could not
    be read or a file not be written, or 128 + the signal (interrupt, terminate) that stopped the
    run after a checkpoint.
    """
    if told := finished(run.folder):
        print(told, flush=True)
        return 0
    progress = Progress(
        total_images=run.total_steps * run.recipe.batch_size,
        done_images=run.step * run.recipe.batch_size,
    )
    try:
        return _train(run, progress)
    except BadImagesError as error:
        told = f"{error}, or leave out those of train with --on_bad_image=skip"
    except Diverged as error:
        told = str(error)
    except OSError as error:
        told = f"{error}; with that put right, the same command --run_dir={run.folder} goes on"
    progress.say(f"error: {told}")
    return 1


def _train(run: Run, progress: Progress) -> int:
    """As `train`; what went wrong is raised."""
    run_folder.begin(
        run.folder, run.recipe.to_json(), run.source.class_names, run.contents,
        run.command, [device.name for device in tf.config.list_logical_devices()],
    )
    run_folder.keep_records(run.folder, until_step=run.step)
    run.times = times_of(run_folder.read_records(run.folder))
    progress.say(f"run folder: {run.folder}, step {run.step} of {run.total_steps}")
    for change in run.data_changes:
        progress.say(f"goes on with changed images: {change}")
    if run.source.skipped:
        progress.say(f"left out: {describe(run.source.skipped, 'train')}")
    board = TensorBoard(run.folder / "tensorboard", run.recipe.profile_steps)
    with contextlib.closing(board):
        with _signals_noted(run), named_errors(run.source.splits), contextlib.closing(progress):
            exit_code = _train_steps(run, progress, board)
            with run.times.of(EVALUATION):
                predictions = {} if exit_code else final_predictions(run, progress)
        if exit_code == 0:
            finish.finish(run, predictions)
            board.picture(run.step, "validation/confusion", run.folder / "confusion.png")
    return exit_code


@contextlib.contextmanager
def _signals_noted(run: Run) -> Iterator[None]:
    handlers = {
        number: signal.signal(number, lambda number, _: _note_signal(run, number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _train_steps(run: Run, progress: Progress, board: TensorBoard) -> int:
    """Trains to the end, an early stop or a signal; the exit code. Raises Diverged."""
    recipe, step = run.recipe, run.step
    started = time.perf_counter() - float(run.seconds)
    phase_ends, begun = step, 0.0
    while step < run.total_steps and not _stops_early(run):
        if step >= phase_ends:
            begun = time.perf_counter()
            phase, phase_ends = phase_at(run.phase_calls.phases, step, run.total_steps)
            train_call, iterator = _begin_phase(run, phase, progress, board)
            steps_at_once = 1  # the first call compiles; then as many as take SECONDS_PER_CALL
        epoch = step // run.steps_per_epoch + 1
        steps = min(
            steps_at_once, epoch * run.steps_per_epoch - step, phase_ends - step,
            recipe.checkpoint_every - step % recipe.checkpoint_every,
        )
        steps = min(steps, board.steps_to_profile(step) or steps)
        board.profile(step)
        called = time.perf_counter()
        sums = train_call(iterator, tf.constant(steps, tf.int64)).numpy().astype(np.float64)
        seconds_per_step = (time.perf_counter() - called) / steps
        if begun:
            run.times.seconds[FIRST_STEPS] += (first := time.perf_counter() - begun)
            progress.say_compiled(first)
            begun = 0.0
        else:
            run.times.add_steps(steps * seconds_per_step, steps * recipe.batch_size)
        if step == 0:
            board.graph(train_call, iterator, tf.constant(steps, tf.int64))
        steps_at_once = min(
            recipe.steps_per_call, 2 * steps_at_once,
            max(1, int(SECONDS_PER_CALL / seconds_per_step)),
        )
        step += steps
        now = _now(run, sums, steps) | {"images_per_second": recipe.batch_size / seconds_per_step}
        check_loss(now["loss"], f"loss within steps {step - steps} to {step}")
        progress.advance(steps * recipe.batch_size, epoch, now)
        board.scalars(step, {f"train/{name}": value for name, value in now.items()})
        _keep(run, sums, now, started, progress, board)
        if run.signals and step < run.total_steps:
            progress.say(
                f"stopped by {signal.Signals(run.signals[0]).name} at step {step}; to go on, give "
                f"the same command --run_dir={run.folder}"
            )
            return 128 + run.signals[0]
    return 0


def _begin_phase(
    run: Run, phase: Phase, progress: Progress, board: TensorBoard
) -> tuple[Callable, Iterator]:
    """The training call of a phase, and what it takes its images from."""
    xla = run.phase_calls.settings.jit_compile
    progress.say_compiling(_compile_seconds(len(run.state.weights), xla))
    images = train_set(run, phase.image_size)
    augmented = _augmented(run, phase.image_size)
    board.images(run.step, "train/augmented", augmented)
    run.pictures = dataclasses.replace(
        run.pictures, augmented=[thumbnail(image) for image in augmented.numpy()]
    )
    return (
        run.phase_calls.train_call(phase),
        distributed(run.strategy, images),
    )


def _compile_seconds(weights: int, xla: bool) -> float:
    """About how long a training step of so many weights takes to compile."""
    # lenet5, 10: 2 s; resnet18, 62: 6 s on two cores; by XLA on an H100 resnet50d, 171: 66 to 82 s.
    return 10 + 0.4 * weights if xla else 1 + 0.08 * weights


def _keep(
    run: Run, sums: np.ndarray, now: dict, started: float, progress: Progress, board: TensorBoard
) -> None:
    """After a call: evaluates and saves, where it is time to."""
    recipe, step = run.recipe, run.step
    run.epoch_sums.assign_add(sums[:3])
    epoch, within = divmod(step, run.steps_per_epoch)
    evaluates = within == 0 and (epoch % recipe.evaluate_every == 0 or epoch == recipe.epochs)
    best = evaluates and _record(run, epoch, now, started, progress, board)
    if within == 0:
        run.epoch_sums.assign(np.zeros(3))
    if within == 0 or run.signals or step % recipe.checkpoint_every == 0:
        check_state(run.state, step)
        run.seconds.assign(time.perf_counter() - started)
        with run.times.of(CHECKPOINTS):
            if best:
                run.checkpoints.save_best(step)
            run.checkpoints.save(step)
    if evaluates:  # behind the checkpoint: where there is no room for it, nothing is lost
        with run.times.of(REPORT):
            write_page(run, validate(run)[run.leaves])


def _now(run: Run, sums: np.ndarray, steps: int) -> dict[str, float]:
    """The state of training behind a call of `steps` steps, in numbers."""
    state = run.state
    rate = run.schedule(tf.constant(run.step - 1, tf.int64)) * state.rate_factor.read_value()
    found = {
        "loss": sums[0] / sums[2], "top_1": sums[1] / sums[2], "learning_rate": float(rate),
        "loss_scale": float(state.loss_scale.read_value()), "gradient_norm": sums[-1] / steps,
    }
    if run.recipe.noise_scale:
        found |= noise_estimates(
            *sums[3:5] / steps, big_batch=run.recipe.batch_size,
            small_batch=run.recipe.batch_size // run.parts_of_a_batch,
        )
    return found


def _stops_early(run: Run) -> bool:
    patience = run.recipe.patience
    return bool(patience) and evaluations.stops(run_folder.read_records(run.folder), patience)


def _record(
    run: Run, epoch: int, now: dict, started: float, progress: Progress, board: TensorBoard
) -> bool:
    """Evaluates; writes what came of it, and acts on it. Returns whether it is the best so far."""
    with run.times.of(EVALUATION):
        predictions = validate(run)
    validation = predictions[run.leaves]
    loss, correct, images = run.epoch_sums.numpy()
    seconds = time.perf_counter() - started
    record = {
        "epoch": epoch, "step": epoch * run.steps_per_epoch, "seconds": round(seconds, 3),
        "learning_rate": now["learning_rate"], "loss_scale": now["loss_scale"],
        "train_loss": loss / images, "train_top_1": correct / images,
        "loss": validation.loss, "top_1": validation.top_1, "top_5": validation.top_5,
    }
    if run.average:  # the weights themselves, too
        raw = predictions["weights"]
        record |= {"raw_loss": raw.loss, "raw_top_1": raw.top_1, "raw_top_5": raw.top_5}
    run_folder.append_record(run.folder, record | run.times.as_record())
    board.scalars(record["step"], {
        f"validation/{name}": record[name] for name in record
        if name.removeprefix("raw_") in ("loss", "top_1", "top_5")
    } | {"train/weight_norm": weight_norm(run)})
    progress.say_evaluation(
        f"epoch {epoch}/{run.recipe.epochs}: train loss {loss / images:.4f}, "
        f"top-1 {100 * correct / images:.2f} %; validation loss {validation.loss:.4f}, "
        f"top-1 {100 * validation.top_1:.2f} %, top-5 {100 * validation.top_5:.2f} %; "
        + (f"not averaged {100 * record['raw_top_1']:.2f} %; " if run.average else "")
        + f"{seconds:.1f} s", epoch, run.recipe.epochs
    )
    records = run_folder.read_records(run.folder)
    run.state.rate_factor.assign(rate_factor(run.recipe.schedule, records))
    return evaluations.best(records)["step"] == record["step"]


def weight_norm(run: Run) -> float:
    """The root of the sum of the squares of all weights."""
    return float(tf.linalg.global_norm([w.read_value() for w in run.state.weights.values()]))


def train_set(run: Run, image_size: int) -> tf.data.Dataset:
    """What the calls of `run.phase_calls` take, from the run's step on."""
    if run.recipe.data_on_device:
        return index_batches(
            run.source.splits["train"], batch_size=run.recipe.batch_size, seed=run.recipe.seed,
            start_step=run.step, repeats=run.recipe.aug_repeats,
        )
    return recipe_batches(
        run.recipe, run.source.splits["train"], image_size=image_size,
        batch_size=run.recipe.batch_size, start_step=run.step, repeats=run.recipe.aug_repeats,
        data_service=run.recipe.data_service,
    )


def _augmented(run: Run, image_size: int) -> tf.Tensor:
    """Some training images, from all over the set, as the model sees them but for its mean."""
    split = run.source.splits["train"]
    count = min(MOST_IMAGES, split.num_examples)
    some = split.subset(np.linspace(0, split.num_examples - 1, count).astype(np.int64))
    images, labels = next(iter(
        recipe_batches(run.recipe, some, image_size=image_size, batch_size=count)
    ))
    labels = tf.one_hot(labels, len(run.source.class_names))
    seed = tf.constant([run.recipe.seed, run.step])
    return parse_policy(run.recipe.augment)(images, labels, seed)[0]


def _note_signal(run: Run, number: int) -> None:
    # The first asks for a checkpoint and an orderly end; a later one means now.
    if run.signals and time.monotonic() > run.signalled_at + SECONDS_OF_ONE_SIGNAL:
        raise Stopped(number)
    if not run.signals:
        run.signalled_at = time.monotonic()
    run.signals.append(number)
