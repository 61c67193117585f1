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

import zoo.weights
from zoo.core import runtime
from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.gradients import Settings
from zoo.core.state import make_state
from zoo.core.swa_statistics import make_statistics_call
from zoo.finetune.transfer import set_trainable
from zoo.runs import checkpoints, run_folder

# What the members' images have to have in common, to be read once for all.
SAME = (
    "data", "data_dir", "image_size", "channels", "eval_resize", "eval_resizing", "orientation"
)


@dataclasses.dataclass(frozen=True)
class Member:
    """name: the run's folder, with the step where one checkpoint of several is meant.

    model: with its `card`, whose recipe is the run's.
    """

    name: str
    model: keras.Model

    @property
    def recipe(self) -> dict:
        return self.model.card.recipe


def load_members(
    run_dirs: Sequence[str], *, evaluated: bool, trust: Sequence[str] = ()
) -> list[Member]:
    """The runs' models: of each run the one that it left, or with `evaluated` one for each kept
    checkpoint of an evaluation.

    Raises ValueError, in one line, for a folder that is no run's, runs whose images or classes
    differ, or a run that keeps no evaluated checkpoint.
    """
    members = []
    for run_dir in run_dirs:
        model = zoo.weights.load_model(run_dir, trust=trust)
        if model.card.recipe is None:
            raise ValueError(f"--run_dirs: {run_dir} is no run's; expected runs' folders")
        if not evaluated:
            members.append(Member(str(run_dir), model))
            continue
        own = _evaluated(run_dir, model)
        if not own:
            raise ValueError(
                f"--run_dirs: {run_dir} keeps no checkpoint of an evaluation; expected a run with "
                "--keep_checkpoints of at least the number of its evaluations"
            )
        members += own
    _check_same(members)
    return members


def _evaluated(run_dir: str, model: keras.Model) -> list[Member]:
    """A member for each kept checkpoint of an evaluation."""
    found = []
    for record in run_folder.read_records(Path(run_dir)):
        path = checkpoints.at_step(run_dir, record["step"])
        if path is not None:
            values = checkpoints.left_values(path, averaging=model.card.recipe["averaging"])
            own = zoo.weights.model_from(model.card, values)
            found.append(Member(f"{run_dir} step {record['step']}", own))
    return found


def _check_same(members: Sequence[Member]) -> None:
    first = members[0]
    for member in members[1:]:
        for name in SAME:
            here, there = member.recipe[name], first.recipe[name]
            if here != there:
                raise ValueError(f"--run_dirs: {member.name} has {name}={here!r}, {first.name} "
                                 f"{there!r}; expected the same")
        if member.model.class_names != first.model.class_names:
            raise ValueError(f"--run_dirs: {member.name} and {first.name} have other classes; "
                             "expected the same")


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
            here, there = member.recipe[name], first.recipe[name]
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


def renew_statistics(
    model: keras.Model, batches: tf.data.Dataset, steps: int, policy, settings: Settings, *,
    trainable: str = "all", freeze_bn: bool = False,
) -> None:
    """Takes the statistics of the batch normalisations that were trained from one pass over the
    training images, augmented as in training.

    batches: of (uint8 [B, S, S, C], int32 [B]); `steps` of them are one pass.
    policy: of `zoo.augment.parse_policy`. trainable, freeze_bn: as of `set_trainable`.
    """
    strategy = runtime.make_strategy()
    known = with_fused_batch_norm(model)
    state = make_state(known, strategy, scales_loss=False, averages=True)
    set_trainable(known, trainable, freeze_bn=freeze_bn)
    make_statistics_call(strategy, known, state, policy, settings)(batches, steps)
    set_trainable(known, "all")  # its layers are `model`'s
    for variable in model.non_trainable_variables:
        if variable.path in state.averages:
            variable.assign(state.averages[variable.path].read_value())
