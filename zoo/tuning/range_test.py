"""The learning-rate range test (Smith 2015, arXiv 1506.01186, section 3.3).

One short training whose rate grows from too low to too high; the loss by rate shows what is
between. The rate grows exponentially, not linearly as in the paper: what is looked for is its order
of magnitude. Rates are those of --learning_rate throughout: for base_batch_size images.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from zoo.core.distribute import distributed
from zoo.core.schedule import Schedule
from zoo.progress import with_progress
from zoo.recipe import Recipe
from zoo.report.plots import write_figure
from zoo.train import loop
from zoo.train.prepare import Run, prepare

# Of the running mean of the losses: it follows the last ten or so steps.
SMOOTHING = 0.9
# The test ends where the smoothed loss is above this many times the best: what comes after says
# nothing, and is soon not finite.
DIVERGED = 4.0
# It also ends where the smoothed loss has fallen by LEAST_FALL of the first one, less is noise, and
# has given back this share of the fall: a network that is broken for good stays there.
GIVEN_BACK = 0.8
LEAST_FALL = 0.1
# Steps to each side over which a slope is measured: from one step to the next it is mostly noise.
SLOPE_STEPS = 5


@dataclasses.dataclass(frozen=True)
class Curve:
    """float64 [N] each, one entry a step: rates as of --learning_rate, mean losses of the batches,
    and their running mean."""

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray


@dataclasses.dataclass(frozen=True)
class Suggestion:
    """steepest: the rate at which the smoothed loss falls fastest, by decade of the rate, which is
    the suggestion. minimum: the rate at which it is lowest; a tenth of it is the careful choice."""

    steepest: float
    minimum: float

    @property
    def tenth(self) -> float:
        return self.minimum / 10


def range_test(recipe: Recipe, low: float, high: float, steps: int) -> Curve:
    """Trains the recipe's network for up to `steps` steps, at rates from `low` to `high`.

    Nothing is written. Raises ValueError, in one line, for whatever is wrong with the recipe, or
    0 < low < high and steps > 1 not being so.
    """
    rates = growing_rates(low, high, steps)
    scale = recipe.batch_size / recipe.base_batch_size
    # In no folder: one that holds a run would be resumed.
    run = prepare(
        dataclasses.replace(recipe, run_dir=""), schedule=growing(low * scale, high * scale, steps)
    )
    losses: list[float] = []
    for loss in with_progress(_losses(run, steps), steps, "learning-rate range test, step"):
        losses.append(loss)
        if not math.isfinite(losses[0]):
            raise ValueError(
                f"the loss is {loss} before anything is learnt; expected a finite one: python -m "
                "tools.check_start looks into it"
            )
        if diverged(smooth(losses)):
            break
    return Curve(rates[: len(losses)], np.array(losses), smooth(losses))


def diverged(smoothed: np.ndarray) -> bool:
    """Whether the last of the smoothed losses tells that more steps would say nothing."""
    first, now, best = smoothed[0], smoothed[-1], np.nanmin(smoothed)
    fall = first - best
    came_back = fall > LEAST_FALL * first and now > best + GIVEN_BACK * fall
    return bool(came_back or not now <= DIVERGED * best)  # or NaN


def growing_rates(low: float, high: float, steps: int) -> np.ndarray:
    """float64 [steps] from `low` to `high`, each the same multiple of the one before."""
    if not 0 < low < high < math.inf:
        raise ValueError(f"got low={low:g}, high={high:g}; expected rates over 0, low below high")
    if steps < 2:
        raise ValueError(f"got steps={steps}; expected 2 or more")
    return np.geomspace(low, high, steps)


def growing(low: float, high: float, steps: int) -> Schedule:
    """The same as a schedule: step int64 -> rate float32."""
    def schedule(at_step: tf.Tensor) -> tf.Tensor:
        passed = tf.cast(at_step, tf.float32) / (steps - 1)
        return tf.constant(low, tf.float32) * tf.pow(tf.constant(high / low, tf.float32), passed)

    return schedule


def smooth(losses: list[float] | np.ndarray) -> np.ndarray:
    """Running mean with SMOOTHING, without the pull to 0 of its first entries: float64 [N]."""
    mean, smoothed = 0.0, []
    for count, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**count))
    return np.array(smoothed)


def suggest(curve: Curve) -> Suggestion:
    """What the smoothed loss says. Raises ValueError for one that did not fall."""
    rates, smoothed = curve.rates, curve.smoothed
    lowest = int(np.nanargmin(smoothed))
    fall = 1 - smoothed[lowest] / smoothed[0]
    if fall < LEAST_FALL or lowest < 2 * SLOPE_STEPS:
        raise ValueError(
            f"the loss fell by {100 * fall:.0f} % up to rate {rates[lowest]:.2g} and no further; "
            f"expected {100 * LEAST_FALL:.0f} % or more, over {2 * SLOPE_STEPS} steps or more: "
            "give other --low and --high, or more --steps"
        )
    decades = np.log10(rates)
    first, last = slice(0, lowest + 1 - 2 * SLOPE_STEPS), slice(2 * SLOPE_STEPS, lowest + 1)
    slopes = (smoothed[last] - smoothed[first]) / (decades[last] - decades[first])
    steepest = int(np.argmin(slopes)) + SLOPE_STEPS
    return Suggestion(steepest=float(rates[steepest]), minimum=float(rates[lowest]))


def to_csv(curve: Curve) -> str:
    """A line a step: learning_rate, loss, smoothed_loss."""
    columns = zip(curve.rates, curve.losses, curve.smoothed, strict=True)
    rows = [",".join(f"{value:.6g}" for value in row) for row in columns]
    return "\n".join(["learning_rate,loss,smoothed_loss", *rows, ""])


def draw(curve: Curve, suggestion: Suggestion | None, path: Path) -> None:
    """Loss by rate as a PNG, with the suggested rates marked."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(curve.rates, curve.losses, color="tab:blue", alpha=0.3, label="loss of the step")
    axes.plot(curve.rates, curve.smoothed, color="tab:blue", label="running mean")
    if suggestion:
        for rate, style, name in (
            (suggestion.steepest, "-", "steepest fall"),
            (suggestion.tenth, "--", "a tenth of the lowest loss's rate"),
        ):
            axes.axvline(rate, color="tab:red", linestyle=style, label=f"{rate:.2g}: {name}")
    axes.set(xscale="log", xlabel="--learning_rate", ylabel="training loss")
    # Where the loss explodes it would flatten all the rest.
    bottom, start = np.nanmin(curve.losses), curve.smoothed[0]
    axes.set_ylim(max(0.0, bottom - 0.1 * start), 1.5 * start)
    axes.grid(alpha=0.3)
    axes.legend()
    write_figure(figure, path)


def _losses(run: Run, steps: int) -> Iterator[float]:
    """Of one step after another, on training images as a run sees them first."""
    phase = run.phase_calls.phases[0]
    train_call = run.phase_calls.train_call(phase)
    dataset = loop.train_set(run, phase.image_size)
    images = distributed(run.strategy, dataset)
    for _ in range(steps):
        sums = train_call(images, tf.constant(1, tf.int64)).numpy()
        yield float(sums[0] / sums[2])
