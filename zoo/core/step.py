"""The training step: a pure function of (state, batch, seed), and the loop around it.

Keras' own `fit` cannot compile with XLA under a strategy: its step assigns variables. Here the
compiled region reads and writes none:

    draw the augmentation's parameters, run its Keras layers   not compiled: Beta has no XLA kernel
                                                               on GPUs, some layers none at all
    apply the augmentation                                     always compiled by XLA
    the teacher's logits, where there is a teacher             compiled
    normalise -> model -> loss -> gradients                    compiled (gradients.py)
    all-reduce gradients, batch-norm statistics and sums       one collective
    update weights, slots and averages                         compiled
    assign

This works with float32, mixed_bfloat16 and mixed_float16, with XLA and without, on any number of
replicas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from zoo.augment.pixels.draw import HOST, fold_in
from zoo.core.averaging import Average
from zoo.core.distribute import all_reduce_sum, first_replica
from zoo.core.gradients import Settings, make_differentiate
from zoo.core.loss_scale import next_scale
from zoo.core.optimizer import Optimizer, global_norm
from zoo.core.schedule import Schedule
from zoo.core.state import State, is_float

# float32 [4], summed over the steps of a call: the losses of the images, how many images are
# classified right, how many images there are, and the norm of each step's gradient.
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

    iterator: of a distributed dataset of (uint8 [B, S, S, C], int32 [B]). With `pick` of anything
        else: pick(*batch) makes images and labels of it, in each replica.
    steps: int64 scalar tensor.
    teacher: augmented images float32 [B, S, S, C] in 0..255 -> logits, for distillation.
    """
    run_step = make_replica_step(
        model, state, policy, schedule, optimizer, settings, average=average, teacher=teacher,
        pick=pick,
    )

    # Not a Python loop: AutoGraph takes longer to convert it than the tracing takes.
    @tf.function(autograph=False)
    def train_call(iterator, steps):
        # On the host, and counted in int32, which TensorFlow keeps there: a GPU's counter would
        # have to be waited for before each step, and its seeds before each draw.
        with tf.device(HOST):
            first = tf.cast(state.step.read_value(), tf.int32)
            end = first + tf.cast(steps, tf.int32)

        def one_more(step, sums):
            return step + 1, sums + first_replica(
                strategy, strategy.run(run_step, args=(step, *next(iterator)))
            )

        _, sums = tf.while_loop(
            lambda step, _: step < end, one_more, (first, tf.zeros([4], tf.float32))
        )
        return sums

    return train_call


def make_replica_step(
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
    """`replica_step(step, *batch) -> Sums over all replicas`, to be run in each replica.

    step: int32 scalar on the host, the same number that the state holds.
    """
    augment = make_augment(policy, settings)
    differentiate = make_differentiate(model, settings)
    if not settings.sync_bn:  # what crosses replicas cannot stand in a function of its own
        differentiate = compiled(differentiate, settings)
    apply_update = compiled(make_apply_update(optimizer, average, settings), settings)
    generators = integer_states(model)

    def replica_step(step, *batch):
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        # Distributed datasets forget the static shape, which XLA and the ops need.
        rows = settings.batch_size // replicas
        images, labels = batch if pick is None else pick(*batch)
        images = tf.ensure_shape(images, [rows, *model.input_shape[1:]])
        labels = tf.ensure_shape(labels, [rows])
        values = state.read()
        seed = fold_in([settings.seed, 0], step, context.replica_id_in_sync_group)
        images, labels = augment(images, labels, seed)
        batch = {"images": images, "labels": labels}
        if teacher is not None:
            batch["teacher"] = teacher(images)
        results = differentiate(
            values["weights"], values["statistics"], batch,
            generator_states(generators, seed, settings.micro_batches), values["loss_scale"],
        )
        sums, gradients, statistics = tf.nest.pack_sequence_as(
            results, all_reduce_sum(tf.nest.flatten(results))
        )
        statistics = {path: value / replicas for path, value in statistics.items()}
        with tf.device(HOST):
            rate = schedule(tf.cast(step, tf.int64))
        rate *= values.pop("rate_factor")
        values, norm = apply_update(
            _that_move(values, gradients, statistics), gradients, statistics, rate
        )
        state.write(values)
        return tf.concat([sums, [norm]], 0)

    return replica_step


def make_augment(policy, settings: Settings) -> Callable:
    """`augment(images uint8 [B, S, S, C], labels int32 [B], seed) -> (float32, one-hot)`."""
    # Compiled by XLA even where the model is not: RandAugment takes ten times as long without.
    apply = tf.function(policy.apply, jit_compile=bool(policy.ops) or None, autograph=False)

    def augment(images, labels, seed):
        labels = tf.one_hot(labels, settings.num_classes)
        return policy(images, labels, fold_in(seed, 0), apply)

    return augment


def make_apply_update(
    optimizer: Optimizer, average: Average | None, settings: Settings
) -> Callable:
    """The second pure function of a step:
    `apply_update(values, gradients, statistics, rate) -> (values, norm of the gradients)`.

    values: as `State.read` gives them, without rate_factor. Where a float16 gradient overflowed
    only the step, the loss scale and the averages move.
    """

    def apply_update(values, gradients, statistics, rate):
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
            averages = average.update(
                averages, {**after["weights"], **after["statistics"]}, values["step"]
            )
        return {**after, "averages": averages, "step": values["step"] + 1, "loss_scale": scale,
                "finite_steps": finite_steps}, norm

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


def compiled(function: Callable, settings: Settings) -> Callable:
    """The function as one region, by XLA where the run has it."""
    return tf.function(function, jit_compile=settings.jit_compile or None, autograph=False)
