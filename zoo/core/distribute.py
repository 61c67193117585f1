"""What goes to the replicas, and what crosses them: in one tensor, by one collective a step."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf


def distributed(strategy: tf.distribute.Strategy, dataset: tf.data.Dataset) -> Iterator:
    """Iterator of batches on the devices, each divided over the replicas.

    int32 becomes int64: TensorFlow keeps int32 in the host's memory, also with a GPU, from where
    it would be copied in the step instead of ahead of it.
    """

    @tf.autograph.experimental.do_not_convert
    def widened(*batch):
        return tf.nest.map_structure(
            lambda part: tf.cast(part, tf.int64) if part.dtype == tf.int32 else part, batch
        )

    return iter(strategy.experimental_distribute_dataset(dataset.map(widened)))


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
