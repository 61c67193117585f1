"""The training step: a pure function of (state, batch, seed), and the loop around it.

Keras' own `fit` cannot compile with XLA under a strategy: its step assigns variables. Here the
compiled region reads and writes none:

    Keras' augmentation layers, where the policy has some; draw augmentation parameters (outside:
        Beta has no XLA kernel on GPUs)
    compiled: augment, by XLA in any case
    compiled: normalise -> model -> loss -> gradients
    one all-reduce over gradients, batch-norm statistics and sums
    compiled: update
    assign

so that it works with float32, mixed_bfloat16 and mixed_float16, with XLA and without, on any
number of replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import tensorflow as tf

from zoo.train.distribute import all_reduce_sum, first_replica
from zoo.train.loss_scale import next_scale
from zoo.train.losses import Loss, smooth_labels, softmax_cross_entropy
from zoo.train.optimizer import Update
from zoo.train.schedule import Schedule
from zoo.train.state import State, is_float, moving_statistics

# What a call sums over its steps and images: loss (of an image, summed), correct, images.
Sums = tf.Tensor


@dataclass(frozen=True)
class Settings:
    """What the step is made of, besides model, policy, schedule and optimizer.

    mean, std: by channel, in levels of 0..255. batch_size: over all replicas.
    loss: labels, logits, float [B, C] -> float32 [B].
    """

    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    label_smoothing: float
    batch_size: int
    seed: int
    scales_loss: bool
    jit_compile: bool
    loss: Loss = softmax_cross_entropy


def normalise(images: tf.Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> tf.Tensor:
    """(images - mean) / std by channel; images in 0..255 of any number type -> float32."""
    return (tf.cast(images, tf.float32) - tf.constant(mean)) / tf.constant(std)


def make_train_call(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    state: State,
    policy,
    schedule: Schedule,
    update: Update,
    settings: Settings,
) -> Callable[[object, tf.Tensor], Sums]:
    """`train_call(iterator, steps) -> Sums`: runs `steps` training steps, changes `state`.

    iterator: of a distributed dataset of (uint8 [B, S, S, C], int32 [B]).
    steps: int64 scalar tensor.
    """
    run_step = make_replica_step(model, state, policy, schedule, update, settings)

    # tf.while_loop, not a Python loop for AutoGraph to convert: that takes longer than tracing.
    @tf.function(autograph=False)
    def train_call(iterator, steps):
        def one_more(done, sums):
            return done + 1, sums + first_replica(
                strategy, strategy.run(run_step, args=next(iterator))
            )

        start = (tf.zeros([], tf.int64), tf.zeros([3], tf.float32))
        _, sums = tf.while_loop(lambda done, _: done < steps, one_more, start)
        return sums

    return train_call


def make_replica_step(
    model: keras.Model,
    state: State,
    policy,
    schedule: Schedule,
    update: Update,
    settings: Settings,
) -> Callable[[tf.Tensor, tf.Tensor], Sums]:
    """`replica_step(images, labels) -> Sums over all replicas`, to be run in each replica."""
    # A region of its own, compiled whatever the model is: without, RandAugment takes ten times as
    # long.
    augment = tf.function(policy.apply, jit_compile=bool(policy.ops) or None, autograph=False)
    differentiate = _compiled(make_differentiate(model, settings), settings)
    apply_update = _compiled(make_apply_update(update, settings), settings)
    generators = [v for v in model.non_trainable_variables if not is_float(v)]

    def replica_step(images, labels):
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        # Distributed datasets forget the static shape, which XLA and the ops need.
        images = tf.ensure_shape(
            images, [settings.batch_size // replicas, *model.input_shape[1:]]
        )
        weights, momenta, statistics = (
            {path: variable.read_value() for path, variable in variables.items()}
            for variables in (state.weights, state.momenta, state.statistics)
        )
        step, scale = state.step.read_value(), state.loss_scale.read_value()
        seed = fold_in(
            [settings.seed, 0], tf.cast(step, tf.int32), context.replica_id_in_sync_group
        )
        labels = tf.one_hot(labels, settings.num_classes)
        images, labels = policy.apply_layers(
            images, labels, fold_in(seed, 0, len(policy.ops))
        )
        parameters = policy.sample(fold_in(seed, 0), images.shape[0], images.shape[1])
        images, labels = augment(tf.cast(images, tf.float32), labels, parameters)
        generator_states = [
            tf.cast(fold_in(seed, 1 + place), variable.dtype)
            for place, variable in enumerate(generators)
        ]
        sums, gradients, statistics_out = differentiate(
            weights, statistics, images, labels, generator_states, scale
        )
        sums, gradients, statistics_out = tf.nest.pack_sequence_as(
            (sums, gradients, statistics_out),
            all_reduce_sum(tf.nest.flatten((sums, gradients, statistics_out))),
        )
        statistics_out = {path: value / replicas for path, value in statistics_out.items()}
        # What is frozen has no gradient, or statistics of its own, and stays.
        weights, momenta, statistics, scale, finite_steps = apply_update(
            {path: weights[path] for path in gradients},
            {path: momenta[path] for path in gradients},
            {path: statistics[path] for path in statistics_out},
            gradients, statistics_out, schedule(step), scale, state.finite_steps.read_value(),
        )
        for variables, values in (
            (state.weights, weights), (state.momenta, momenta), (state.statistics, statistics),
        ):
            for path, value in values.items():
                variables[path].assign(value)
        state.loss_scale.assign(scale)
        state.finite_steps.assign(finite_steps)
        state.step.assign_add(1)
        return sums

    return replica_step


def make_differentiate(model: keras.Model, settings: Settings) -> Callable:
    """The first pure function: from the batch to sums, gradients and new statistics.

    Gradients are of (sum of this replica's losses) / (images over all replicas): summed over
    replicas, they are those of the mean over the whole batch. Layers that are not trainable at
    this moment are constants, and run in inference mode.
    """
    trained_paths = [variable.path for variable in model.trainable_variables]
    non_trainable = list(model.non_trainable_variables)
    moving = moving_statistics(model)

    def differentiate(
        weights, statistics, images, labels, generator_states, loss_scale
    ):
        images = normalise(images, settings.mean, settings.std)
        targets = smooth_labels(labels, settings.label_smoothing)
        trained = {path: weights[path] for path in trained_paths}
        others = _values(non_trainable, {**weights, **statistics}, generator_states)
        with tf.GradientTape() as tape:
            tape.watch(trained)
            logits, others_out = model.stateless_call(
                list(trained.values()), others, images, training=True
            )
            losses = settings.loss(targets, logits)
            scaled = tf.reduce_sum(losses) / settings.batch_size * loss_scale
        gradients = tape.gradient(scaled, trained)
        if settings.scales_loss:
            gradients = {path: value / loss_scale for path, value in gradients.items()}
        statistics_out = {
            variable.path: tf.cast(value, tf.float32)
            for variable, value in zip(non_trainable, others_out, strict=True)
            if variable.path in moving
        }
        correct = tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1))
        sums = tf.stack([
            tf.reduce_sum(losses),
            tf.reduce_sum(tf.cast(correct, tf.float32)),
            tf.cast(tf.shape(losses)[0], tf.float32),
        ])
        return sums, gradients, statistics_out

    return differentiate


def make_apply_update(update: Update, settings: Settings) -> Callable:
    """The second pure function: the optimizer, skipped where a float16 gradient overflowed."""

    def apply_update(
        weights, momenta, statistics, gradients, statistics_out, learning_rate, scale,
        finite_steps,
    ):
        new = (*update(weights, momenta, gradients, learning_rate), statistics_out)
        if not settings.scales_loss:
            return (*new, scale, finite_steps)
        finite = tf.reduce_all([
            tf.reduce_all(tf.math.is_finite(value)) for value in gradients.values()
        ])
        kept = tf.nest.map_structure(
            lambda after, before: tf.where(finite, after, before),
            new, (weights, momenta, statistics),
        )
        return (*kept, *next_scale(scale, finite_steps, finite))

    return apply_update


def make_forward(model: keras.Model, state: State, settings: Settings) -> Callable:
    """`forward(images uint8 [B, S, S, C]) -> logits`, inference with the state's weights."""

    def infer(weights, statistics, images):
        known = {**weights, **statistics}
        generator_states = [v.value for v in model.non_trainable_variables if not is_float(v)]
        logits, _ = model.stateless_call(
            [known[v.path] for v in model.trainable_variables],
            _values(model.non_trainable_variables, known, generator_states),
            normalise(images, settings.mean, settings.std), training=False,
        )
        return logits

    infer = _compiled(infer, settings)

    def forward(images):
        weights, statistics = (
            {path: variable.read_value() for path, variable in variables.items()}
            for variables in (state.weights, state.statistics)
        )
        return infer(weights, statistics, images)

    return forward


def _values(variables, known, generator_states) -> list[tf.Tensor]:
    """The values of non-trainable variables, in order: weights and statistics by path, and the
    states of dropout's generators one after another."""
    states = iter(generator_states)
    return [known[v.path] if is_float(v) else next(states) for v in variables]


def fold_in(seed, *numbers):
    """Mixes `numbers` into `seed`, one after another: int32 [2] -> int32 [2]."""
    for number in numbers:
        seed = tf.random.fold_in(seed, number)
    return seed


def _compiled(function: Callable, settings: Settings) -> Callable:
    return tf.function(function, jit_compile=settings.jit_compile or None, autograph=False)
