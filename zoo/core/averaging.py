"""Averages of the weights along a run, often better than the last weights, as a part of the step.

Each function here takes its arguments as a recipe writes them, with lengths in epochs, and returns
a function that makes the Average once the length of the run is known. Batch-norm's moving
statistics are averaged with the weights. Importing this file loads no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from zoo.address import is_address
from zoo.core.decay import Span, make_span
from zoo.core.schedule import MOST_STEPS_PER_EPOCH
from zoo.lazy import lazy_module
from zoo.spec import bind, parse_call, require

tf = lazy_module("tensorflow")

Tensors = Mapping[str, "tf.Tensor"]


@dataclasses.dataclass(frozen=True)
class Average:
    """How averages follow the weights.

    update: (averages so far, values after a step, number of that step int64 from 0) -> averages.
    statistics_from: after so many steps the averaged moving statistics do not fit the averaged
    weights, and an evaluation takes them anew (swa_statistics.py); None: they always fit.
    statistics_batches: from at most so many batches; None: those of an epoch.
    """

    update: Callable[[Tensors, Tensors, tf.Tensor], dict[str, tf.Tensor]]
    statistics_from: int | None = None
    statistics_batches: int | None = None


def ema(
    decay: float = 0.9999, every: int = 1, ramp: str = "tensorflow", start: float = 0.0,
    base_batch_size: int = 0, torchvision: bool = False,
) -> Callable[[Span], Average]:
    """average = d average + (1 - d) value (Polyak and Juditsky 1992) after each `every` steps.

    ramp: how d comes to `decay`, so that the first weights are soon forgotten. At the t-th time:
        tensorflow  d = min(decay, (1 + t) / (10 + t)), as tf.train.ExponentialMovingAverage
        timm        d = min(decay, 1 - t^(-2/3)), as ModelEmaV3 with its warmup
        constant    d = decay, but 0 at the first time: as timm without, and torchvision
    start: epochs until which d is 0, and from which t counts: torchvision's is its warmup.
    base_batch_size: the batch for which `decay` is meant at every step; d ends at
    decay^(batch_size every / base_batch_size) (Busbridge et al. 2023, arXiv 2307.13813); 0: at
    `decay`, whatever the batch.
    torchvision: `decay` is the --model-ema-decay of torchvision's references; d ends at
    1 - min(1, (1 - decay) batch_size every / epochs).
    """
    good = type(decay) in (int, float) and 0 < decay < 1
    require(good, "ema", "decay", decay, "a number in (0, 1)")
    require(type(every) is int and every >= 1, "ema", "every", every, "steps, 1 or more")
    require(ramp in RAMPS, "ema", "ramp", ramp, f"one of {list(RAMPS)}")
    good = type(start) in (int, float) and 0 <= start < math.inf
    require(good, "ema", "start", start, "epochs, 0 or more")
    good = type(base_batch_size) is int and base_batch_size >= 0
    require(good, "ema", "base_batch_size", base_batch_size, "images, or 0")
    require(type(torchvision) is bool, "ema", "torchvision", torchvision, "True or False")
    require(
        not (torchvision and base_batch_size), "ema", "base_batch_size", base_batch_size,
        "0 with torchvision=True, which scales by the batch in another way",
    )

    def over(span: Span) -> Average:
        last, images = decay, span.batch_size * every
        if torchvision:
            last = 1 - min(1.0, (1 - decay) * images / span.epochs)
        elif base_batch_size:
            last = decay ** (images / base_batch_size)
        before = round(start * span.steps_per_epoch) // every  # times until `start`
        require(start < span.epochs, "ema", "start", start, f"less than the {span.epochs:g} epochs")

        def update(averages: Tensors, values: Tensors, at_step: tf.Tensor) -> dict[str, tf.Tensor]:
            t = tf.cast((at_step + 1) // every - before, tf.float32)
            # 1 - d, not d: close to 1 it has half of float32's digits.
            share = tf.maximum(1 - last, RAMPS[ramp](tf.maximum(t, 1.0)))
            share = tf.where(t > 0, share, 1.0)
            share = tf.where((at_step + 1) % every == 0, share, 0.0)
            return {path: old + share * (values[path] - old) for path, old in averages.items()}

        return Average(update)

    return over


# 1 - d at the t-th time, t from 1, while this is over 1 - decay.
RAMPS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "tensorflow": lambda t: 9.0 / (10.0 + t),
    "timm": lambda t: tf.pow(t, -2 / 3),
    "constant": lambda t: tf.cast(t <= 1, tf.float32),
}


def swa(start: float, every: float = 1.0) -> Callable[[Span], Average]:
    """The plain mean of the weights after epoch `start` and after each `every` epochs from there
    on: stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407). Until then the average
    is the weights.

    For cyclic or constant rates. An evaluation first takes batch-norm's statistics from a pass over
    the training images, as in the paper.
    """
    for name, epochs in (("start", start), ("every", every)):
        good = type(epochs) in (int, float) and 0 < epochs < math.inf
        require(good, "swa", name, epochs, "epochs over 0")

    def over(span: Span) -> Average:
        first, period = (round(epochs * span.steps_per_epoch) for epochs in (start, every))
        inside = 0 < first <= span.total_steps
        require(inside, "swa", "start", start, f"an epoch within the run's {span.epochs:g}")
        require(period >= 1, "swa", "every", every, "the length of a step or more")

        def update(averages: Tensors, values: Tensors, at_step: tf.Tensor):
            since = at_step + 1 - first
            count = tf.cast(tf.maximum(since, 0) // period, tf.float32)
            share = tf.where(since < 0, 1.0, tf.where(since % period == 0, 1 / (count + 1), 0.0))
            return {
                path: (1 - share) * old + share * values[path] for path, old in averages.items()
            }

        # The first mean is of one value.
        return Average(update, statistics_from=first + period)

    return over


# Of an optimizer that averages by itself (`Optimizer.evaluated`): its average as it is now. As many
# batches for the statistics as the authors of schedule-free optimizers take.
OPTIMIZERS_OWN = Average(
    lambda averages, values, at_step: {path: values[path] for path in averages},
    statistics_from=1, statistics_batches=50,
)
AVERAGES = {average.__name__: average for average in (ema, swa)}


def make_average(spec: str, span: Span) -> Average | None:
    """The average that `spec` names, as "ema(0.999)" or "swa(75, every=1)"; None for "".

    spec: also package.module:Name(...), a function of yours that returns what these return.

    Raises ValueError, in one line, for an unknown name or arguments that cannot be.
    """
    if not spec:
        return None
    average = _bind(spec)(span)
    if not isinstance(average, Average):
        raise ValueError(
            f"average {spec}: got {type(average).__name__} for a run; expected an Average "
            "(zoo/core/averaging.py)"
        )
    return average


def check_average(spec: str, *, epochs: int) -> None:
    """Raises ValueError, in one line, where `make_average` would for any data set.

    Loads no TensorFlow. An average by address gets its arguments, but no run.
    """
    if spec and not is_address(parse_call(spec).name):
        _bind(spec)(make_span(steps_per_epoch=MOST_STEPS_PER_EPOCH, epochs=epochs))
    elif spec:
        _bind(spec)


def _bind(spec: str) -> Callable[[Span], Average]:
    average = bind(parse_call(spec), AVERAGES, "average")
    if not callable(average):
        raise ValueError(
            f"average {spec}: got {type(average).__name__}; expected a function that returns a "
            "function of the run's Span (zoo/core/averaging.py)"
        )
    return average
