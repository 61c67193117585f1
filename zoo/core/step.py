"""The training step: a pure function of (state, batch, seed), and the loop around it.

Keras' own `fit` cannot compile with XLA under a strategy: its step assigns variables. Here the
compiled region reads and writes none:

    the Keras layers of the augmentation, where it has some    not compiled: some cannot be
    draw and apply its ops                                     compiled; applying always, by XLA
    the teacher's logits, where there is a teacher             compiled
    normalise -> model -> loss -> gradients                    compiled (gradients.py)
    all-reduce gradients, batch-norm statistics and sums       one collective
    update weights, slots and averages                         compiled
    assign

This works with float32, mixed_bfloat16 and mixed_float16, with XLA and without, on any number of
replicas.

Between the compiled regions nothing goes from the host to a GPU or back: TensorFlow copies when all
work before is done, so a single number each step would let the GPU run idle until the host has
launched the next one (docs/measurements/gpu.md). So seeds and rates are made, in the compiled
regions, of the step that the state counts; what crosses into them is int64, since int32 tensors lie
in the host's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from zoo.augment.pixels.draw import fold_in
from zoo.core.averaging import Average
from zoo.core.distribute import all_reduce_sum, first_replica
from zoo.core.gradients import Settings, make_differentiate, replica_seed
from zoo.core.loss_scale import next_scale
from zoo.core.optimizer import Optimizer, global_norm
from zoo.core.schedule import Schedule
from zoo.core.state import State

# float32 [4], summed over the steps of a call: the losses of the images, how many images are
# classified right, how many images there are, and, the last, the norm of each step's gradient. With
# settings.noise_scale [6]: before the norm the mean squared norm of the gradients of the parts of
# each batch (gradients.py), and the squared norm of that of the whole.
Sums = tf.Tensor


def make_train_call(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    state: State,
    policy,
    schedule: Schedule,
    optimizer: Optimizer,
    settings: Settings,
    *,
    average: Average | None = None,
    teacher: Callable[[tf.Tensor], tf.Tensor] | None = None,
    pick: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]] | None = None,
) -> Callable[[object, tf.Tensor], Sums]:
    """`train_call(iterator, steps) -> Sums`: runs `steps` training steps, changes `state`.

    iterator: of (uint8 [B, S, S, C], int64 [B]), as `distribute.distributed` gives it. With `pick`
        of anything else: pick(*batch) makes images and labels of it, in each replica.
    steps: int64 scalar tensor.
    teacher: augmented images float32 [B, S, S, C] in 0..255 -> logits, for distillation.
    """
    run_step = make_replica_step(
        strategy.num_replicas_in_sync, model, state, policy, schedule, optimizer, settings,
        average=average, teacher=teacher, pick=pick,
    )

    # Not a Python loop: AutoGraph takes longer to convert it than the tracing takes.
    @tf.function(autograph=False)
    def train_call(iterator, steps):
        def one_more(done, sums):
            return done + 1, sums + first_replica(
                strategy, strategy.run(run_step, args=next(iterator))
            )

        # In int32, on the host: a GPU that counts would be waited for before each step.
        end = tf.cast(steps, tf.int32)
        _, sums = tf.while_loop(
            lambda done, _: done < end, one_more,
            (tf.constant(0), tf.zeros([6 if settings.noise_scale else 4], tf.float32)),
        )
        return sums

    return train_call


def make_replica_step(
    replicas: int,
    model: keras.Model,
    state: State,
    policy,
    schedule: Schedule,
    optimizer: Optimizer,
    settings: Settings,
    *,
    average: Average | None = None,
    teacher: Callable[[tf.Tensor], tf.Tensor] | None = None,
    pick: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]] | None = None,
) -> Callable[..., Sums]:
    """`replica_step(*batch) -> Sums over all replicas`, to be run in each replica."""
    augment = make_augment(policy, settings)
    differentiate = make_differentiate(model, settings)
    if not settings.sync_bn:  # what crosses replicas cannot stand in a function of its own
        differentiate = compiled(differentiate, settings)
    apply_update = compiled(
        make_apply_update(schedule, optimizer, average, settings, replicas), settings
    )

    def replica_step(*batch):
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int64)
        # Distributed datasets forget the static shape, which XLA and the ops need.
        rows = settings.batch_size // replicas
        images, labels = batch if pick is None else pick(*batch)
        images = tf.reshape(images, [rows, *model.input_shape[1:]])
        labels = tf.reshape(labels, [rows])
        values = state.read()
        images, labels = augment(images, labels, values["step"], replica)
        batch = {"images": images, "labels": labels}
        if teacher is not None:
            batch["teacher"] = teacher(images)
        results = differentiate(
            values["weights"], values["statistics"], batch, values["step"], replica,
            values["loss_scale"],
        )
        sums, gradients, statistics = tf.nest.pack_sequence_as(
            results, all_reduce_sum(tf.nest.flatten(results))
        )
        values, norms = apply_update(
            _that_move(values, gradients, statistics), gradients, statistics
        )
        state.write(values)
        return tf.concat([sums, norms], 0)

    return replica_step


def make_augment(policy, settings: Settings, stream: int = 0) -> Callable:
    """`augment(images uint8 [B, S, S, C], labels int64 [B], step int64, replica int64)
    -> (float32 [B, S, S, C], one-hot float32 [B, num_classes])`.

    stream: another one has other random numbers.
    """

    def seed_of(step, replica):
        return fold_in(replica_seed(settings, step, replica, stream), 0)

    def with_ops(images, labels, step, replica):
        if not policy.layers:  # labels are one-hot behind these
            labels = tf.one_hot(labels, settings.num_classes)
        return policy.apply_ops(images, labels, seed_of(step, replica), apply)

    # Compiled by XLA even where the model is not: RandAugment takes ten times as long without. The
    # draws are compiled with the model alone: on a CPU that costs seconds and gains nothing.
    apply = tf.function(policy.apply, jit_compile=bool(policy.ops) or None, autograph=False)
    with_ops = compiled(with_ops, settings)

    def augment(images, labels, step, replica):
        if policy.layers:
            images, labels = policy.apply_layers(
                images, tf.one_hot(labels, settings.num_classes), seed_of(step, replica)
            )
        return with_ops(images, labels, step, replica)

    return augment


def make_apply_update(
    schedule: Schedule, optimizer: Optimizer, average: Average | None, settings: Settings,
    replicas: int,
) -> Callable:
    """The second pure function of a step:
    `apply_update(values, gradients, statistics) -> (values, norms)`.

    values: as `State.read` gives them; rate_factor is not among those returned. statistics: the sum
    over the replicas. Where a float16 gradient overflowed only the step, the loss scale and the
    averages move. norms: float32 [1], of the gradients, 0 where one overflowed; with
    `settings.noise_scale` [2], its square and it.
    """

    def apply_update(values, gradients, statistics):
        rate = schedule(values["step"]) * values["rate_factor"]
        statistics = {path: value / replicas for path, value in statistics.items()}
        weights, slots = optimizer.update(
            values["weights"], values["slots"], gradients, rate, values["updates"]
        )
        after = {"weights": weights, "slots": slots, "statistics": statistics,
                 "updates": values["updates"] + 1}
        norm = global_norm(gradients)
        scale, finite_steps = values["loss_scale"], values["finite_steps"]
        if settings.scales_loss:
            finite = tf.reduce_all([
                tf.reduce_all(tf.math.is_finite(value)) for value in gradients.values()
            ])
            after = tf.nest.map_structure(
                lambda new, old: tf.where(finite, new, old),
                after, {name: values[name] for name in after},
            )
            norm = tf.where(finite, norm, 0.0)
            scale, finite_steps = next_scale(scale, finite_steps, finite)
        averages = values["averages"]
        if average is not None:
            weights = after["weights"]
            if optimizer.evaluated is not None:
                weights = optimizer.evaluated(weights, after["slots"])
            averages = average.update(
                averages, {**weights, **after["statistics"]}, values["step"]
            )
        return {**after, "averages": averages, "step": values["step"] + 1, "loss_scale": scale,
                "finite_steps": finite_steps}, tf.stack(
                    [tf.square(norm), norm] if settings.noise_scale else [norm]
                )

    return apply_update


def _that_move(values: Mapping, gradients: Mapping, statistics: Mapping) -> dict:
    """`values` without those of frozen layers, which have neither gradients nor new statistics."""

    def only(tensors: Mapping, paths: set[str]) -> dict:
        return {path: value for path, value in tensors.items() if path in paths}

    return {
        **values,
        "weights": only(values["weights"], set(gradients)),
        "slots": {name: only(slot, set(gradients)) for name, slot in values["slots"].items()},
        "statistics": only(values["statistics"], set(statistics)),
        "averages": only(values["averages"], set(gradients) | set(statistics)),
    }


def compiled(function: Callable, settings: Settings) -> Callable:
    """The function as one region, by XLA where the run has it."""
    return tf.function(function, jit_compile=settings.jit_compile or None, autograph=False)
