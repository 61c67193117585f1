"""The first half of a step as a pure function: from a batch to sums, gradients, new statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import tensorflow as tf

from zoo.augment.pixels.draw import fold_in
from zoo.core.distillation import Distillation, kullback_leibler
from zoo.core.forward import logits_of, normalise, values_of
from zoo.core.losses import Loss, smooth_labels, softmax_cross_entropy
from zoo.core.optimizer import squared_norm
from zoo.core.recompute import make_recomputing_call
from zoo.core.state import is_float, moving_statistics


@dataclass(frozen=True)
class Settings:
    """What the step is made of, besides model, policy, schedule and optimizer.

    mean, std: of each channel, in levels of 0..255.
    batch_size: images a step, over all replicas.
    scales_loss: the loss is scaled against underflow, for float16 (loss_scale.py).
    loss: labels, logits, float [B, C] -> float32 [B].
    class_weights: factors on the loss, one a class, or none.
    aux_weight: factor on the loss of each auxiliary head.
    micro_batches: number of parts in which a replica works off its batch, one after another.
    sync_bn: the model's batch normalisations take their statistics over all replicas.
    noise_scale: the sums of a step have what `noise_scale.noise_estimates` needs.
    recompute: activations are computed twice, to save memory (recompute.py).
    distillation: teacher's logits, logits, float [B, C], temperature -> float32 [B].
    temperature, hard_weight: of the distillation, see `make_losses`.
    """

    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    batch_size: int
    seed: int
    scales_loss: bool
    jit_compile: bool
    label_smoothing: float = 0.0
    loss: Loss = softmax_cross_entropy
    class_weights: tuple[float, ...] = ()
    aux_weight: float = 0.0
    micro_batches: int = 1
    sync_bn: bool = False
    noise_scale: bool = False
    recompute: bool = False
    distillation: Distillation = kullback_leibler
    temperature: float = 1.0
    hard_weight: float = 1.0


def make_differentiate(model: keras.Model, settings: Settings) -> Callable:
    """`differentiate(weights, statistics, batch, step, replica, loss_scale) ->
    (sums, gradients, statistics)`.

    batch: {"images": float32 [B, S, S, C] in 0..255, "labels": float32 [B, classes]} and, where
    there is a teacher, its logits as "teacher". step, replica: int64, which dropout is made of.
    sums: float32 [3], over the images: losses, how many are classified right, how many there are;
    with `noise_scale` [4]: this replica's share of the mean over all parts of the batch, the
    micro-batches of all replicas, of the squared norm of the part's own mean gradient.

    Gradients are of (sum of this replica's losses) / (images over all replicas): summed over
    replicas and micro-batches, they are those of the mean over the whole batch. Layers that are
    not trainable at this moment are constants, and run in inference mode.
    """
    trained_paths = [variable.path for variable in model.trainable_variables]
    non_trainable = list(model.non_trainable_variables)
    moving = moving_statistics(model)
    losses_of = make_losses(settings)
    generators = integer_states(model)
    call = make_recomputing_call(model) if settings.recompute else model.stateless_call

    def differentiate(weights, statistics, batch, states, loss_scale):
        trained = {path: weights[path] for path in trained_paths}
        others = values_of(non_trainable, {**weights, **statistics}, iter(states))
        with tf.GradientTape() as tape:
            tape.watch(trained)
            outputs, others_out = call(
                list(trained.values()), others,
                normalise(batch["images"], settings.mean, settings.std), training=True,
            )
            losses = losses_of(batch, outputs)
            scaled = tf.reduce_sum(losses) / settings.batch_size * loss_scale
        gradients = tape.gradient(scaled, trained)
        if settings.scales_loss:
            gradients = {path: value / loss_scale for path, value in gradients.items()}
        statistics_out = {
            variable.path: tf.cast(value, tf.float32)
            for variable, value in zip(non_trainable, others_out, strict=True)
            if variable.path in moving
        }
        correct = tf.equal(tf.argmax(logits_of(outputs), 1), tf.argmax(batch["labels"], 1))
        sums = tf.stack([
            tf.reduce_sum(losses),
            tf.reduce_sum(tf.cast(correct, tf.float32)),
            tf.cast(tf.shape(losses)[0], tf.float32),
            # Times the number of parts: a gradient here is the part's mean over that number.
            *([settings.batch_size / batch["labels"].shape[0] * squared_norm(gradients)]
              if settings.noise_scale else []),
        ])
        return sums, gradients, statistics_out

    parts = settings.micro_batches
    if parts > 1:
        num_sums = 4 if settings.noise_scale else 3
        differentiate_parts = _in_parts(differentiate, trained_paths, moving, parts, num_sums)

    def differentiate_batch(weights, statistics, batch, step, replica, loss_scale):
        states = generator_states(generators, replica_seed(settings, step, replica), parts)
        if parts > 1:
            return differentiate_parts(weights, statistics, batch, states, loss_scale)
        return differentiate(weights, statistics, batch, states[0], loss_scale)

    return differentiate_batch


def replica_seed(settings: Settings, step, replica, stream: int = 0):
    """int32 [2], from which all is made that a replica draws in a step. step, replica: integers;
    stream: another one has other random numbers."""
    return fold_in([settings.seed, stream], tf.cast(step, tf.int32), tf.cast(replica, tf.int32))


def integer_states(model: keras.Model) -> list[keras.Variable]:
    """The states of dropout's generators."""
    return [v for v in model.non_trainable_variables if not is_float(v)]


def generator_states(
    generators: list[keras.Variable], seed: tf.Tensor, micro_batches: int
) -> list[list[tf.Tensor]]:
    """For each micro-batch the values of the generators' states, each from a seed of its own."""
    return [
        [
            tf.cast(fold_in(seed, 1 + part * len(generators) + place), variable.dtype)
            for place, variable in enumerate(generators)
        ]
        for part in range(micro_batches)
    ]


def _in_parts(
    differentiate: Callable, trained_paths: list[str], moving: frozenset[str], parts: int,
    num_sums: int,
) -> Callable:
    """`differentiate` on one part of the batch after another, with memory for one of them.

    Gradients and sums are added up. Moving statistics move once for each part, as in every
    framework that accumulates gradients.
    """

    def differentiate_in_parts(weights, statistics, batch, states, loss_scale):
        split = tf.nest.map_structure(
            lambda rows: tf.reshape(rows, [parts, rows.shape[0] // parts, *rows.shape[1:]]), batch
        )
        states = [tf.stack(each) for each in zip(*states, strict=True)]

        def one_more(part, sums, gradients, moved):
            part_sums, part_gradients, moved = differentiate(
                weights, {**statistics, **moved}, {name: x[part] for name, x in split.items()},
                [state[part] for state in states], loss_scale,
            )
            return part + 1, sums + part_sums, {
                path: value + part_gradients[path] for path, value in gradients.items()
            }, moved

        _, sums, gradients, moved = tf.while_loop(
            lambda part, *_: part < parts, one_more,
            (
                0, tf.zeros([num_sums]),
                {path: tf.zeros_like(weights[path]) for path in trained_paths},
                {path: statistics[path] for path in statistics if path in moving},
            ),
        )
        return sums, gradients, moved

    return differentiate_in_parts


def make_losses(settings: Settings) -> Callable[[Mapping[str, tf.Tensor], object], tf.Tensor]:
    """`losses(batch, outputs) -> float32 [B]`, with the tricks in the order of arXiv 1812.01187:
    the batch is mixed already, its labels are smoothed here, and distillation is added last.

    With a teacher the loss is hard_weight times that on the labels, and (1 - hard_weight) times
    `distillation` at `temperature`.
    """

    def losses(batch, outputs):
        targets = smooth_labels(batch["labels"], settings.label_smoothing)
        total = settings.loss(targets, logits_of(outputs))
        if "teacher" in batch:
            total = settings.hard_weight * total + (
                1 - settings.hard_weight
            ) * settings.distillation(batch["teacher"], logits_of(outputs), settings.temperature)
        if settings.aux_weight:
            for name, logits in outputs.items():
                if name != "logits":
                    total += settings.aux_weight * settings.loss(targets, logits)
        if settings.class_weights:
            # A mixed label has its classes' weights mixed in the same shares.
            total *= tf.linalg.matvec(batch["labels"], tf.constant(settings.class_weights))
        return total

    return losses
