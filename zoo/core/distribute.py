"""What crosses replicas, fused into one tensor: one collective a step, whatever the model."""

from __future__ import annotations

import tensorflow as tf


def all_reduce_sum(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    """Sums each tensor over the replicas, by one all-reduce. To be called in a replica.

    tensors: float32, of static shapes. One replica gets its own tensors back.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tensors
    flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)
    flat = context.all_reduce(tf.distribute.ReduceOp.SUM, flat)
    parts = tf.split(flat, [tensor.shape.num_elements() for tensor in tensors])
    return [
        tf.reshape(part, tensor.shape) for part, tensor in zip(parts, tensors, strict=True)
    ]


def first_replica(strategy: tf.distribute.Strategy, value):
    """The first replica's part of what `strategy.run` returned."""
    return tf.nest.map_structure(lambda part: strategy.experimental_local_results(part)[0], value)
