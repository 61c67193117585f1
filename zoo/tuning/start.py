"""Checks before a run, of network, data and rate together, on five batches of training images.

    1. the new network knows nothing: its loss is that of equal probabilities, ln(classes)
    2. it can memorise five batches
    3. it does so from the images: with black ones it learns no more than how frequent labels are

After Stanford's CS231n notes ("Before learning: sanity checks tips and tricks") and Karpathy's "A
recipe for training neural networks" (2019). Augmentation and whatever else keeps a network from
memorising are left out. Nothing is written.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from zoo.core.distribute import distributed
from zoo.core.losses import make_loss
from zoo.core.schedule import Schedule
from zoo.models import check_model
from zoo.progress import with_progress
from zoo.recipe import Recipe
from zoo.spec import parse_call, parse_options
from zoo.train import loop
from zoo.train.prepare import Run, prepare

BATCHES = 5
# The loss at the start may differ from that of equal probabilities by this share ...
START_TOLERANCE = 0.2
# ... or be up to this multiple of it: networks with shortcuts begin there, for few classes.
START_LIMIT = 2.0
# Memorised: all images right, and the loss below this share of that at the start. Only then is it
# clearly below what labels alone allow, of two classes too.
LEARNT = 0.1
# Black images must leave the loss above this share of the labels' entropy: batches come in turn,
# and a network that follows their frequencies gets a little below it.
BLACK_FLOOR = 0.9
# And the loss with the real images must be below this share of theirs.
REAL_SHARE = 0.5
# Steps of linear warmup, of all: at the full rate a new network may diverge.
WARMUP_SHARE = 0.1
# What keeps a network from memorising, or makes the loss another one.
LEFT_OUT = {"augment": "", "crop_area": (1.0, 1.0), "weight_decay": 0.0}
# The same, where the default is to do without it; and what has no effect without those.
AT_DEFAULT = (
    "scale_jitter", "crop_ratio", "data_on_device", "train_sizes", "label_smoothing",
    "decoupled_decay", "l1_penalty", "class_weights", "aux_weight", "averaging", "teacher",
    "final_augment", "final_epochs", "teacher_model", "distillation", "temperature", "hard_weight",
    "run_dir",
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    passed: bool
    text: str


@dataclasses.dataclass(frozen=True)
class Passes:
    """Mean loss and share of right images of each pass over the batches; the first one learns
    nothing."""

    losses: list[float]
    top_1: list[float]

    @property
    def steps(self) -> int:
        """Of learning, up to the last pass."""
        return BATCHES * (len(self.losses) - 1)


def check_start(recipe: Recipe, steps: int) -> Iterator[Verdict]:
    """Yields the verdict of each check, once it is known.

    steps: within which the batches have to be memorised.

    Raises ValueError, in one line, for whatever is wrong with the recipe.
    """
    recipe = by_heart(recipe)
    run = prepare(recipe, schedule=check_schedule(recipe, steps))
    images, labels = _first_batches(run)
    num_classes = len(run.source.class_names)
    train_call = run.phase_calls.train_call(run.phase_calls.phases[0])
    new = run.state.read()
    most = -(-steps // BATCHES)
    real = _learn(run, train_call, images, labels, most)
    yield judge_start(real.losses[0], loss_of_a_guess(recipe.loss, num_classes), num_classes)
    yield judge_by_heart(real, steps)
    run.state.write(new)
    black = _learn(run, train_call, np.zeros_like(images), labels, len(real.losses) - 1)
    in_nats = parse_call(recipe.loss).name in ("cross_entropy", "kullback_leibler")
    yield judge_black(real, black, entropy(labels) if in_nats else None)


def by_heart(recipe: Recipe) -> Recipe:
    """`recipe` without what keeps a network from memorising its training images."""
    options = parse_options(recipe.model_options)
    options |= {name: 0.0 for name in ("dropout", "stochastic_depth") if _takes(recipe, name)}
    text = ", ".join(f"{name}={value!r}" for name, value in options.items())
    defaults = {name: getattr(Recipe(), name) for name in AT_DEFAULT}
    return dataclasses.replace(recipe, model_options=text, **LEFT_OUT, **defaults)


def check_schedule(recipe: Recipe, steps: int) -> Schedule:
    """0 for the first pass, which measures, then the recipe's peak after a warmup.

    Training with rate 0 and not inference: in a new network the moving statistics of batch
    normalisations are not yet those of its activations, which then grow from block to block. A new
    ResNet-50 with He's initialisation has a loss of 100 in inference and one of 2 in training.
    """
    peak = recipe.peak_rate
    warmup = max(1.0, WARMUP_SHARE * steps)

    def schedule(at_step: tf.Tensor) -> tf.Tensor:
        learning = tf.cast(at_step - BATCHES + 1, tf.float32)
        return peak * tf.clip_by_value(learning / warmup, 0.0, 1.0)

    return schedule


def loss_of_a_guess(loss: str, num_classes: int) -> float:
    """Of equal logits: ln(num_classes) for cross-entropy."""
    label = tf.one_hot([0], num_classes)
    return float(make_loss(loss)(label, tf.zeros_like(label))[0])


def entropy(labels: np.ndarray) -> float:
    """Of the labels' frequencies, in nats: the lowest cross-entropy of a constant prediction."""
    shares = np.bincount(labels.ravel()) / labels.size
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def judge_start(loss: float, expected: float, num_classes: int) -> Verdict:
    told = (f"loss of the new network: {loss:.3f}; of equal probabilities for {num_classes} "
            f"classes: {expected:.3f}")
    if abs(loss - expected) <= START_TOLERANCE * expected:
        return Verdict(True, f"{told}. As it should be")
    if loss < expected:
        return Verdict(False, f"{told}. It knows more than it can: are the labels in the images, "
                              "or are the --weights of these classes?")
    if loss <= START_LIMIT * expected:
        return Verdict(True, f"{told}. High, which a few steps unlearn; with a smaller "
                             "initialisation of the last layer they are saved")
    return Verdict(False, f"{told}. It is sure of what it cannot know, and unlearns that first: is "
                          "the last layer's initialisation too large, or are --mean and --std not "
                          "those of the images (python -m tools.data_statistics measures them)?")


def judge_by_heart(real: Passes, steps: int) -> Verdict:
    loss, top_1 = real.losses[-1], real.top_1[-1]
    told = (f"{BATCHES} batches memorised: top-1 {100 * top_1:.1f} %, loss {loss:.3f} after "
            f"{real.steps} of {steps} steps")
    if top_1 == 1:
        return Verdict(True, f"{told}. As it should be")
    if not math.isfinite(loss) or loss > 1.5 * real.losses[0]:
        return Verdict(False, f"{told}. It diverges: try a lower --learning_rate (python -m "
                              "tools.find_lr looks for one)")
    if loss > 0.9 * real.losses[0]:
        return Verdict(False, f"{told}. It does not learn: is the --learning_rate far off (python "
                              "-m tools.find_lr), is most of the network frozen, do images or "
                              "labels say nothing (python -m tools.show_data)?")
    return Verdict(False, f"{told}. It learns, but not all: give more --steps, or another "
                          "--learning_rate (python -m tools.find_lr); if that does not help, the "
                          "network is too small, or same images have different labels (python -m "
                          "tools.show_data)")


def judge_black(real: Passes, black: Passes, floor: float | None) -> Verdict:
    """floor: the lowest loss of a prediction that is the same for all images, where it is known."""
    told = (f"black images, the same labels: loss {black.losses[-1]:.3f} after {black.steps} steps,"
            f" with the real ones {real.losses[-1]:.3f}")
    if floor is not None:
        told += f"; the labels' entropy is {floor:.3f}"
        if not black.losses[-1] >= BLACK_FLOOR * floor:
            return Verdict(False, f"{told}. Labels cannot be learnt from black images: something "
                                  "else than the images tells them")
    if real.losses[-1] < REAL_SHARE * black.losses[-1]:
        return Verdict(True, f"{told}. As it should be")
    return Verdict(False, f"{told}. It does not learn from the images: are they what they should "
                          "be, after --mean and --std, too (python -m tools.show_data)?")


def _takes(recipe: Recipe, option: str) -> bool:
    try:
        check_model(recipe.model, (option,))
    except ValueError:
        return False
    return True


def _first_batches(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [BATCHES, B, S, S, C], labels int32 [BATCHES, B]."""
    dataset = loop.train_set(run, run.phase_calls.phases[0].image_size)
    batches = list(itertools.islice(dataset.as_numpy_iterator(), BATCHES))
    images, labels = (np.stack(part) for part in zip(*batches, strict=True))
    return images, labels


def _learn(
    run: Run, train_call, images: np.ndarray, labels: np.ndarray, most: int
) -> Passes:
    """One pass that measures, then up to `most` that learn, until all are memorised."""
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).repeat()
    iterator = distributed(run.strategy, batches)
    passes = Passes([], [])
    for _ in with_progress(range(most + 1), most + 1, f"pass over {BATCHES} batches"):
        loss, correct, count = train_call(iterator, tf.constant(BATCHES, tf.int64)).numpy()[:3]
        passes.losses.append(float(loss / count))
        passes.top_1.append(float(correct / count))
        known = passes.top_1[-1] == 1 and passes.losses[-1] < LEARNT * passes.losses[0]
        if known or not math.isfinite(passes.losses[-1]):
            break
    return passes
