"""Gradient checkpointing: activations are computed again on the way back, to save memory.

Chen et al. 2016 (arXiv 1604.06174): of n operations cut into sqrt(n) segments only the tensors
between segments are kept, and those of one segment at a time; each is computed twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from zoo.train.state import is_float


def make_recomputing_call(model: keras.Model) -> Callable:
    """As `model.stateless_call`, for training, with the activations of one segment in memory.

    Raises ValueError for a model with several outputs, or without a place to cut it at.
    """
    parts = segments(model)
    trainable, others = model.trainable_variables, model.non_trainable_variables

    def call(trainable_values, other_values, images, *, training):
        known = {v.path: x for v, x in zip(trainable, trainable_values, strict=True)}
        state = {v.path: x for v, x in zip(others, other_values, strict=True)}
        x = images
        for part in parts:
            x, *moved = _recomputed(part, state, training)(
                x, *(known[v.path] for v in part.trainable_variables)
            )
            # The states of dropout's generators are set anew each step and may be left.
            floats = [v.path for v in part.non_trainable_variables if is_float(v)]
            state |= dict(zip(floats, moved, strict=True))
        return x, [state[v.path] for v in others]

    return call


def segments(model: keras.Model) -> list[keras.Model]:
    """The model as about sqrt(n) models one behind the other, which share its layers."""
    if not isinstance(model.output, keras.KerasTensor):
        raise ValueError(f"--recompute: got {model.name} with several outputs; expected one")
    cuts = _cuts(model)
    if not cuts:
        raise ValueError(f"--recompute: got {model.name}, which cannot be cut; expected false")
    count = min(math.isqrt(len(model.operations)), len(cuts) + 1)
    chosen = [cuts[place * len(cuts) // count] for place in range(1, count)]
    ends = [model.input, *chosen, model.output]
    return [keras.Model(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]


def _cuts(model: keras.Model) -> list[keras.KerasTensor]:
    """The tensors that all that is computed later depends on the earlier by, in order."""
    operations = list(model.operations)  # each behind what it needs
    place = {id(operation): number for number, operation in enumerate(operations)}
    last_use = [-1] * len(operations)
    for number, operation in enumerate(operations):
        for tensor in tf.nest.flatten(getattr(operation, "input", [])):
            source = place.get(id(tensor._keras_history.operation))
            if source is not None and source != number:
                last_use[source] = number
    found, reach = [], 0
    for number, operation in enumerate(operations[:-1]):
        # Nothing before this one is used behind it.
        if number and reach <= number:
            found.append(operation.output)
        reach = max(reach, last_use[number])
    return found


def _recomputed(part: keras.Model, state: dict, training: bool) -> Callable:
    others = [state[v.path] for v in part.non_trainable_variables]

    @tf.recompute_grad
    def run(x, *trainable):
        y, moved = part.stateless_call(list(trainable), others, x, training=training)
        return y, *(
            value for v, value in zip(part.non_trainable_variables, moved, strict=True)
            if is_float(v)
        )

    return run
