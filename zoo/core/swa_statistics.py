"""Batch-norm's statistics for averaged weights, from a pass over the training images.

Moving statistics belong to the weights that the images went through; the mean of several weights
has activations of its own. So Izmailov et al. 2018 (arXiv 1803.05407, section 3.2) compute the
statistics anew for the weights of stochastic weight averaging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from zoo.core.distribute import all_reduce_sum, distributed, first_replica
from zoo.core.forward import normalise, values_of
from zoo.core.gradients import Settings, generator_states, integer_states, replica_seed
from zoo.core.state import State
from zoo.core.step import compiled, make_augment
from zoo.progress import with_progress

STEPS_A_CALL = 20
STREAM = 1  # of random numbers; the training step has 0


def make_statistics_call(
    strategy: tf.distribute.Strategy, model: keras.Model, state: State, policy, settings: Settings
) -> Callable[[tf.data.Dataset, int], None]:
    """`statistics_call(dataset, steps)`: puts into `state.averages` the mean over `steps` batches
    of each batch's statistics with the averaged weights, for the normalisations that learn now.

    dataset: of (uint8 [B, S, S, C], int32 [B]); they are augmented as in training.
    """
    momenta = _momenta(model)
    replica_step = _make_replica_step(model, state, policy, settings, momenta)

    @tf.function(autograph=False)
    def sum_of(iterator, first, end):
        def one_more(number, sums):
            found = first_replica(
                strategy, strategy.run(replica_step, args=(number, next(iterator)))
            )
            return number + 1, {path: value + found[path] for path, value in sums.items()}

        zeros = {path: tf.zeros(state.averages[path].shape) for path in momenta}
        return tf.while_loop(lambda number, _: number < end, one_more, (first, zeros))[1]

    @tf.function(autograph=False)
    def write(averages):
        strategy.run(state.write, args=({"averages": averages},))

    def statistics_call(dataset, steps):
        if not momenta:
            return
        iterator = distributed(strategy, dataset)
        sums = dict.fromkeys(momenta, 0.0)
        starts = range(0, steps, STEPS_A_CALL)
        for first in with_progress(starts, len(starts), f"statistics, {STEPS_A_CALL} batches each"):
            end = min(first + STEPS_A_CALL, steps)
            found = sum_of(iterator, tf.constant(first), tf.constant(end))
            sums = {path: value + found[path] for path, value in sums.items()}
        write({path: value / steps for path, value in sums.items()})

    return statistics_call


def _momenta(model: keras.Model) -> dict[str, float]:
    """The momentum of each moving statistic that training moves now, by its path."""
    return {
        v.path: layer.momentum
        for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
        for v in (layer.moving_mean, layer.moving_variance)
        if layer.trainable and layer.momentum < 1
    }


def _make_replica_step(
    model: keras.Model, state: State, policy, settings: Settings, momenta: Mapping[str, float]
) -> Callable:
    """`replica_step(number int32, batch)` -> the mean over all replicas of the statistics of
    `momenta` in their parts of the batch, by path. To be run in each replica."""
    augment = make_augment(policy, settings, stream=STREAM)
    batch_statistics = _make_batch_statistics(model, settings, momenta)
    if not settings.sync_bn:  # what crosses replicas cannot stand in a function of its own
        batch_statistics = compiled(batch_statistics, settings)

    def replica_step(number, batch):
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        number = tf.cast(number, tf.int64)
        images, labels = batch
        rows = settings.batch_size // replicas
        images = tf.reshape(images, [rows, *model.input_shape[1:]])
        images, _ = augment(images, tf.reshape(labels, [rows]), number, replica)
        known = {path: v.read_value() for path, v in state.averages.items()}
        found = batch_statistics(known, images, number, replica)
        summed = tf.nest.pack_sequence_as(found, all_reduce_sum(tf.nest.flatten(found)))
        return {path: value / replicas for path, value in summed.items()}

    return replica_step


def _make_batch_statistics(
    model: keras.Model, settings: Settings, momenta: Mapping[str, float]
) -> Callable:
    """`batch_statistics(known, images, number, replica)` -> float32 by path: the statistics of one
    batch of images float32 [B, S, S, C] in 0..255, for the values `known` by path."""
    generators = integer_states(model)

    def batch_statistics(known, images, number, replica):
        seed = replica_seed(settings, number, replica, STREAM)
        states = generator_states(generators, seed, 1)[0]
        # A moving statistic that starts at 0 moves to (1 - momentum) times that of the batch.
        known = {**known, **{path: tf.zeros_like(known[path]) for path in momenta}}
        _, moved = model.stateless_call(
            [known[v.path] for v in model.trainable_variables],
            values_of(model.non_trainable_variables, known, iter(states)),
            normalise(images, settings.mean, settings.std), training=True,
        )
        return {
            v.path: tf.cast(value, tf.float32) / (1 - momenta[v.path])
            for v, value in zip(model.non_trainable_variables, moved, strict=True)
            if v.path in momenta
        }

    return batch_statistics
