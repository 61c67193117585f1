"""Gradient checkpointing: activations are computed again in the backward pass, to save memory.

Chen et al. 2016 (arXiv 1604.06174): n operations are cut into about sqrt(n) segments. In memory are
the tensors between segments, and the activations of one segment at a time; each is computed twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from zoo.core.state import is_float


def make_recomputing_call(model: keras.Model) -> Callable:
    """As `model.stateless_call`, for training, with the activations of one segment in memory.

    Raises ValueError for a model with several outputs, or one that cannot be cut anywhere.
    """
    parts = segments(model)
    trainable, others = model.trainable_variables, _keys(model)

    def call(trainable_values, other_values, images, *, training):
        known = {v.path: x for v, x in zip(trainable, trainable_values, strict=True)}
        state = dict(zip(others, other_values, strict=True))
        x = images
        for part in parts:
            x, *moved = _recomputed(part, state, training)(
                x, *(known[v.path] for v in part.trainable_variables)
            )
            # The states of dropout's generators stay as they were: each step sets them anew.
            state |= dict(zip(_moving(part), moved, strict=True))
        return x, [state[key] for key in others]

    return call


def segments(model: keras.Model) -> list[keras.Model]:
    """The model as a chain of about sqrt(n) models, with layers of the same names.

    Raises ValueError as `make_recomputing_call`.
    """
    if not isinstance(model.output, keras.KerasTensor):
        raise ValueError(f"--recompute: got {model.name} with several outputs; expected one")
    # A clone: a layer that other models share has several inputs, and `_cuts` expects one.
    model = keras.models.clone_model(model)
    cuts = _cuts(model)
    if not cuts:
        raise ValueError(f"--recompute: got {model.name}, which cannot be cut; expected false")
    count = min(math.isqrt(len(model.operations)), len(cuts) + 1)
    chosen = [cuts[place * len(cuts) // count] for place in range(1, count)]
    ends = [model.input, *chosen, model.output]
    return [keras.Model(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]


def _cuts(model: keras.Model) -> list[keras.KerasTensor]:
    """The tensors at which the model can be cut, in order: those that alone connect what is
    computed before them with what is computed after."""
    operations = list(model.operations)  # in an order in which each comes after its inputs
    place = {id(operation): number for number, operation in enumerate(operations)}
    last_use = [-1] * len(operations)
    for number, operation in enumerate(operations):
        for tensor in tf.nest.flatten([] if operation is operations[0] else operation.input):
            source = place.get(id(tensor._keras_history.operation))
            if source is not None and source != number:
                last_use[source] = number
    found, reach = [], 0
    for number, operation in enumerate(operations[:-1]):
        # No output of an earlier operation is used later than here.
        if number and reach <= number:
            found.append(operation.output)
        reach = max(reach, last_use[number])
    return found


def _keys(model: keras.Model) -> list[tuple[str, int]]:
    """Of each non-trainable variable (name of its layer, place there), which a clone shares: the
    paths of dropout's generators are new in each clone."""
    places = {
        id(variable): (layer.name, place) for layer in model.layers
        for place, variable in enumerate(layer.non_trainable_variables)
    }
    return [places[id(variable)] for variable in model.non_trainable_variables]


def _moving(part: keras.Model) -> list[tuple[str, int]]:
    variables = zip(_keys(part), part.non_trainable_variables, strict=True)
    return [key for key, variable in variables if is_float(variable)]


def _recomputed(part: keras.Model, state: dict, training: bool) -> Callable:
    others = [state[key] for key in _keys(part)]

    @tf.recompute_grad
    def run(x, *trainable):
        y, moved = part.stateless_call(list(trainable), others, x, training=training)
        return y, *(
            value for v, value in zip(part.non_trainable_variables, moved, strict=True)
            if is_float(v)
        )

    return run
