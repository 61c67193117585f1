"""The training state: every tensor that a step reads and writes, and a checkpoint holds.

The Keras model only gives functions and initial values. The state lives in variables of its own,
one set in each replica, with ON_READ synchronisation: reading and writing them in `strategy.run` is
local, where the assignment of a mirrored variable would be a collective each time. All replicas
compute the same values; a checkpoint takes those of the first.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import keras
import tensorflow as tf

from zoo.core.loss_scale import INITIAL_SCALE

Variables = dict[str, tf.Variable]


@dataclass(frozen=True)
class State:
    """The variables, by the paths of the model's weights; all values are float32 or int64.

    weights: those that are trained. statistics: batch-norm's moving ones. slots: what the optimizer
    keeps of each weight, by name of the slot. averages: of weights and statistics.
    """

    weights: Variables
    slots: dict[str, Variables]
    statistics: Variables
    averages: Variables  # empty where the run keeps none
    step: tf.Variable  # int64: training steps done
    updates: tf.Variable  # int64: steps that changed the weights; float16 skips some
    rate_factor: tf.Variable  # float32: on the schedule's rate; changes at evaluations alone
    loss_scale: tf.Variable  # float32: 1, or more with mixed_float16
    finite_steps: tf.Variable  # int64: since the scale last changed

    def fields(self) -> dict:
        """All variables, by field."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def read(self) -> dict:
        """All values as tensors, by field; in a replica, its own."""
        return tf.nest.map_structure(lambda variable: variable.read_value(), self.fields())

    def write(self, values: dict) -> None:
        """Assigns the values given, by field and path; the others stay. In a replica, its own."""
        fields = self.fields()
        for name, value in values.items():
            _assign(fields[name], value)


def make_state(
    model: keras.Model,
    strategy: tf.distribute.Strategy,
    *,
    scales_loss: bool,
    slots: tuple[str, ...] = (),
    scalars: tuple[str, ...] = (),
    averages: bool = False,
) -> State:
    """The state at step 0, with the values that `model` was initialised with.

    All of the model's layers must be trainable at this moment. slots, scalars: of the optimizer.

    Raises ValueError where two weights of the model have the same path.
    """
    weights = _by_path(model.trainable_variables)
    statistics = _by_path([v for v in model.non_trainable_variables if is_float(v)])
    with strategy.scope():
        return State(
            weights={path: _variable(v.value, path) for path, v in weights.items()},
            slots={
                slot: {
                    path: _variable(
                        tf.zeros([] if slot in scalars else v.shape), f"{slot}/{path}"
                    )
                    for path, v in weights.items()
                }
                for slot in slots
            },
            statistics={path: _variable(v.value, path) for path, v in statistics.items()},
            averages={
                path: _variable(v.value, f"average/{path}")
                for path, v in {**weights, **statistics}.items() if averages
            },
            step=_variable(tf.zeros([], tf.int64), "step"),
            updates=_variable(tf.zeros([], tf.int64), "updates"),
            rate_factor=_variable(tf.ones([]), "rate_factor"),
            loss_scale=_variable(tf.constant(INITIAL_SCALE if scales_loss else 1.0), "loss_scale"),
            finite_steps=_variable(tf.zeros([], tf.int64), "finite_steps"),
        )


def is_float(variable: keras.Variable) -> bool:
    """True for weights and batch-norm's statistics, False for the integer states of dropout's
    generators. Those are no state of training: each step sets them from (seed, step, replica)."""
    return keras.backend.is_float_dtype(variable.dtype)


def moving_statistics(model: keras.Model) -> frozenset[str]:
    """Paths of the statistics that training moves: those of layers that are trainable now."""
    return frozenset(
        v.path for layer in model.layers if layer.trainable
        for v in layer.non_trainable_variables if is_float(v)
    )


def _assign(variables, values) -> None:
    if isinstance(values, dict):
        for name, value in values.items():
            _assign(variables[name], value)
    else:
        variables.assign(values)


def _variable(value: tf.Tensor, name: str) -> tf.Variable:
    return tf.Variable(
        value, trainable=False, name=name,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


def _by_path(variables: list[keras.Variable]) -> dict[str, keras.Variable]:
    paths = [variable.path for variable in variables]
    if repeated := {path for path in paths if paths.count(path) > 1}:
        raise ValueError(f"got several weights at {sorted(repeated)}; expected unique layer names")
    return dict(zip(paths, variables, strict=True))
