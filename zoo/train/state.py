"""The training state: every tensor that a step reads and writes, and a checkpoint holds.

The Keras model is only a template of functions and initial values: the state lives in
variables of its own, one set a replica, so that a step can read and write them inside
`strategy.run` without a hidden collective an assignment (traps of assigning mirrored variables
in a replica). They are ON_READ variables: reads and writes are local, checkpoints take the
first replica's.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from zoo.train.loss_scale import INITIAL_SCALE

Variables = dict[str, tf.Variable]


@dataclass(frozen=True)
class State:
    """weights, momenta: by the weight's path, float32. statistics: batch-norm's moving ones."""

    weights: Variables
    momenta: Variables
    statistics: Variables
    step: tf.Variable  # int64: training steps done
    loss_scale: tf.Variable  # float32: 1 but with mixed_float16
    finite_steps: tf.Variable  # int64: since the scale last changed

    def checkpoint(self, **others) -> tf.train.Checkpoint:
        """What tf.train.CheckpointManager saves: names are those of this class and the paths."""
        return tf.train.Checkpoint(
            weights=self.weights, momenta=self.momenta, statistics=self.statistics,
            step=self.step, loss_scale=self.loss_scale, finite_steps=self.finite_steps, **others,
        )


def make_state(
    model: keras.Model, strategy: tf.distribute.Strategy, *, scales_loss: bool
) -> State:
    """The state at step 0, with the values that `model` was initialised with.

    All of the model's layers must be trainable at this moment.

    Raises ValueError where two weights of the model have the same path.
    """
    weights = _by_path(model.trainable_variables)
    statistics = _by_path([v for v in model.non_trainable_variables if is_float(v)])
    with strategy.scope():
        return State(
            weights={path: _variable(v.value, path) for path, v in weights.items()},
            momenta={
                path: _variable(tf.zeros_like(v.value), f"momentum/{path}")
                for path, v in weights.items()
            },
            statistics={path: _variable(v.value, path) for path, v in statistics.items()},
            step=_variable(tf.zeros([], tf.int64), "step"),
            loss_scale=_variable(tf.constant(INITIAL_SCALE if scales_loss else 1.0), "loss_scale"),
            finite_steps=_variable(tf.zeros([], tf.int64), "finite_steps"),
        )


def is_float(variable: keras.Variable) -> bool:
    """True for weights and batch-norm's statistics, not for the integer states of dropout's
    generators: those are set from (seed, step, replica) each step and are no state of training."""
    return keras.backend.is_float_dtype(variable.dtype)


def moving_statistics(model: keras.Model) -> frozenset[str]:
    """Paths of the statistics that training moves: those of layers that are trainable now."""
    return frozenset(
        v.path for layer in model.layers if layer.trainable
        for v in layer.non_trainable_variables if is_float(v)
    )


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
