"""Several networks as one: the mean of their probabilities, or one with the mean of their weights.

Batch-norm's statistics of a mean of weights come from a pass over the training images: those of the
members belong to other activations (zoo/core/swa_statistics.py).

The members are runs, or checkpoints of a run: with cyclic learning rates those at the ends of its
cycles (snapshots, Huang et al. 2017, arXiv 1704.00109).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from zoo.augment import parse_policy
from zoo.core import runtime
from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.gradients import Settings
from zoo.core.state import make_state
from zoo.core.swa_statistics import make_statistics_call
from zoo.data import Split, steps_per_epoch
from zoo.export.run_model import load_run, read_weights
from zoo.finetune.transfer import set_trainable
from zoo.recipe import Recipe
from zoo.runs.run_folder import read_records
from zoo.train.batches import recipe_batches

# What the members' images have to have in common, to be read once for all.
SAME = ("data", "data_dir", "image_size", "channels", "eval_resize", "eval_resizing")


@dataclasses.dataclass(frozen=True)
class Member:
    """name: the run's folder, with the step where one checkpoint of several is meant."""

    name: str
    recipe: Recipe
    model: keras.Model
    class_names: tuple[str, ...]


def load_members(run_dirs: Sequence[str], *, evaluated: bool) -> list[Member]:
    """The runs' models: of each run the one that it left, or with `evaluated` one for each kept
    checkpoint of an evaluation.

    Raises ValueError, in one line, for a folder that is no run's, or runs whose images or classes
    differ.
    """
    members = []
    for run_dir in run_dirs:
        recipe, model, class_names = load_run(run_dir)
        if not evaluated:
            members.append(Member(str(run_dir), recipe, model, class_names))
            continue
        for record in read_records(Path(run_dir)):
            path = Path(run_dir) / "checkpoints" / f"ckpt-{record['step']}"
            if path.with_name(f"{path.name}.index").exists():
                own = keras.models.clone_model(model)
                read_weights(own, str(path), averages=bool(recipe.averaging))
                name = f"{run_dir} step {record['step']}"
                members.append(Member(name, recipe, own, class_names))
    first = members[0]
    for member in members[1:]:
        for name in SAME:
            here, there = getattr(member.recipe, name), getattr(first.recipe, name)
            if here != there:
                raise ValueError(f"--run_dirs: {member.name} has {name}={here!r}, {first.name} "
                                 f"{there!r}; expected the same")
        if member.class_names != first.class_names:
            raise ValueError(f"--run_dirs: {member.name} and {first.name} have other classes; "
                             "expected the same")
    return members


def mean_of_probabilities(
    forwards: Sequence[Callable[[tf.Tensor], tf.Tensor]],
) -> Callable[[tf.Tensor], tf.Tensor]:
    """`forward(images) -> float32 [B, num_classes]`, the logarithm of the mean of the members'
    softmax probabilities: a logit too, whose softmax is this mean.

    forwards: images uint8 [B, S, S, C] -> logits [B, num_classes], each.
    """

    def forward(images):
        each = [tf.nn.log_softmax(tf.cast(one(images), tf.float32)) for one in forwards]
        return tf.reduce_logsumexp(tf.stack(each), axis=0) - math.log(len(each))

    return forward


def mean_of_weights(members: Sequence[Member]) -> keras.Model:
    """A model with the mean, in float64, of the members' weights and, for want of better ones
    (`renew_statistics`), of their moving statistics.

    Raises ValueError for members of another architecture, or other normalisation of images.
    """
    first = members[0]
    for member in members[1:]:
        for name in ("model", "model_options", "mean", "std"):
            here, there = getattr(member.recipe, name), getattr(first.recipe, name)
            if here != there:
                raise ValueError(f"--mean_of: weights of {name}={here!r} ({member.name}) and "
                                 f"{there!r} ({first.name}) have no mean; expected the same")
    model = keras.models.clone_model(first.model)
    model.structure = first.model.structure
    values = {member.name: {v.path: v for v in member.model.weights} for member in members}
    for variable in model.weights:
        each = [keras.ops.convert_to_numpy(own[variable.path]) for own in values.values()]
        if keras.backend.is_float_dtype(variable.dtype):
            variable.assign(np.mean(np.stack(each).astype(np.float64), axis=0))
    return model


def renew_statistics(model: keras.Model, recipe: Recipe, split: Split) -> None:
    """Takes the statistics of the batch normalisations that `recipe` trains from one pass over
    `split`, its training images, augmented as in training; the last part of a batch is left out.
    """
    strategy = runtime.make_strategy()
    known = with_fused_batch_norm(model)
    state = make_state(known, strategy, scales_loss=False, averages=True)
    set_trainable(known, recipe.trainable, freeze_bn=recipe.freeze_bn)
    settings = Settings(
        num_classes=model.output_shape[-1], mean=recipe.mean, std=recipe.std,
        batch_size=recipe.batch_size, seed=recipe.seed, scales_loss=False,
        jit_compile=runtime.uses_xla(recipe.xla),
    )
    call = make_statistics_call(strategy, known, state, parse_policy(recipe.augment), settings)
    batches = recipe_batches(
        recipe, split, image_size=recipe.image_size, batch_size=recipe.batch_size
    )
    call(batches, steps_per_epoch(split.num_examples, recipe.batch_size))
    set_trainable(known, "all")  # its layers are `model`'s
    for variable in model.non_trainable_variables:
        if variable.path in state.averages:
            variable.assign(state.averages[variable.path].read_value())
