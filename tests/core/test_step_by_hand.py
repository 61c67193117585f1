"""Three steps of a small network by hand, one replica after another: how the step's parts join.

What it computes is the same in NumPy and eager TensorFlow, from the definitions: the randomness is
f(seed, step, replica, op), gradients and statistics are those of the whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from trainer import MEAN, STD, Trainer

from zoo.augment import Policy, parse_policy
from zoo.augment.pixels.draw import fold_in
from zoo.core.averaging import make_average
from zoo.core.decay import Span
from zoo.core.distillation import kullback_leibler
from zoo.core.gradients import generator_states, integer_states
from zoo.core.losses import smooth_labels

SEED, ROWS, RATE, STEPS = 3, 8, 0.2, 3  # Trainer's seed
IMAGES = np.random.default_rng(1).integers(0, 256, [ROWS, 4, 4, 1], np.uint8)
LABELS = np.arange(ROWS, dtype=np.int32)
POLICY = "pad_crop(1)|brightness(0.5)|mixup(0.5)"
DECAY, CLIP, EMA = 0.1, 0.5, 0.5


def tiny(dropout: float = 0.4) -> keras.Model:
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    x = inputs = keras.Input((4, 4, 1))
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(dropout, name="drop1")(x)
    x = keras.layers.Dense(6, name="hidden")(x)
    x = keras.layers.BatchNormalization(momentum=0.8, name="bn")(x)
    x = keras.layers.Dropout(dropout, name="drop2")(x)
    return keras.Model(inputs, keras.layers.Dense(10, name="head_dense")(x))


def told(images: tf.Tensor) -> tf.Tensor:
    """A teacher that looks at its images: float32 [B, S, S, 1] in 0..255 -> logits [B, 10]."""
    levels = tf.reduce_mean(images, (1, 2, 3))[:, None] / 100
    return levels * tf.cos(tf.range(10, dtype=tf.float32) * levels)


@dataclass
class ByHand:
    """The values after some steps, as NumPy arrays in float64, by path."""

    model: keras.Model
    devices: int
    policy: Policy
    taught: bool
    micro_batches: int

    def __post_init__(self):
        self.weights = {v.path: np.float64(v.value) for v in self.model.trainable_variables}
        self.statistics = {
            v.path: np.float64(v.value) for v in self.model.non_trainable_variables
            if "moving" in v.path
        }
        self.slots = {path: np.zeros_like(w) for path, w in self.weights.items()}
        self.averages = {**self.weights, **self.statistics}
        self.step, self.sums = 0, np.zeros(4)

    def replica(self, replica: int):
        """(sums, gradients, statistics) of a replica's rows."""
        rows = ROWS // self.devices
        seed = tf.constant([SEED, 0])
        for number in (self.step, replica):
            seed = tf.random.fold_in(seed, number)
        some = slice(replica * rows, (replica + 1) * rows)
        images, labels = self.policy(
            tf.constant(IMAGES[some]), tf.one_hot(LABELS[some], 10), tf.random.fold_in(seed, 0)
        )
        states = generator_states(integer_states(self.model), seed, self.micro_batches)
        sums, gradients, moved = np.zeros(3), 0, self.statistics
        for part, own in enumerate(states):
            size = rows // self.micro_batches
            these = slice(part * size, (part + 1) * size)
            more, gradient, moved = self.part(images[these], labels[these], own, moved)
            sums += more
            gradients = gradient if part == 0 else {
                path: gradients[path] + gradient[path] for path in gradients
            }
        return sums, gradients, moved

    def part(self, images, labels, states, statistics):
        values = iter(states)
        others = [
            tf.constant(statistics[v.path], tf.float32) if v.path in statistics else next(values)
            for v in self.model.non_trainable_variables
        ]
        weights = [tf.constant(w, tf.float32) for w in self.weights.values()]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            logits, moved = self.model.stateless_call(
                weights, others, (images - MEAN[0]) / STD[0], training=True
            )
            targets = smooth_labels(labels, 0.1)
            losses = -tf.reduce_sum(targets * tf.nn.log_softmax(logits), 1)
            if self.taught:
                losses = 0.25 * losses + 0.75 * kullback_leibler(told(images), logits, 2.0)
            loss = tf.reduce_sum(losses)
        right = tf.argmax(logits, 1) == tf.argmax(labels, 1)
        sums = [float(loss), float(tf.reduce_sum(tf.cast(right, tf.float32))), len(images)]
        return (
            np.array(sums), dict(zip(
                self.weights, (np.float64(g) / ROWS for g in tape.gradient(loss, weights)),
                strict=True,
            )),
            {v.path: np.float64(x) for v, x in
             zip(self.model.non_trainable_variables, moved, strict=True) if v.path in statistics},
        )

    def one_step(self, rate: float) -> None:
        """By MXNet's momentum: clipped, then decayed, kernels alone."""
        found = [self.replica(replica) for replica in range(self.devices)]
        gradients = {path: sum(each[1][path] for each in found) for path in self.weights}
        norm = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
        self.sums += [*sum(each[0] for each in found), norm]
        for path, w in self.weights.items():
            g = gradients[path] * min(1, CLIP / norm) + (DECAY * w if w.ndim > 1 else 0)
            self.slots[path] = 0.9 * self.slots[path] - rate * g
            self.weights[path] = w + self.slots[path]
        self.statistics = {
            path: sum(each[2][path] for each in found) / self.devices for path in self.statistics
        }
        d = min(EMA, (2 + self.step) / (11 + self.step))
        self.averages = {
            path: d * self.averages[path] + (1 - d) * new
            for path, new in {**self.weights, **self.statistics}.items()
        }
        self.step += 1


def values_of(variables: dict) -> dict[str, np.ndarray]:
    return {path: variable.read_value().numpy() for path, variable in variables.items()}


def assert_same(got: dict, want: dict) -> None:
    assert got.keys() == want.keys()
    for path, value in want.items():
        np.testing.assert_allclose(got[path], value, rtol=1e-4, atol=2e-5, err_msg=path)


@pytest.mark.parametrize("devices, jit_compile, taught, micro_batches", [
    (1, False, False, 1), (2, False, False, 1), (2, True, True, 1), (2, False, True, 2),
])
def test_three_steps(devices, jit_compile, taught, micro_batches):
    model = tiny(0 if jit_compile else 0.4)  # XLA has random numbers of its own for dropout
    trainer = Trainer(
        model, IMAGES, LABELS, devices=devices, jit_compile=jit_compile, batch_size=ROWS,
        augment=POLICY, rate=RATE, schedule="polynomial", optimizer="momentum(0.9)",
        decays={"weight_decay": DECAY, "clip_norm": CLIP}, smoothing=0.1,
        average=make_average(f"ema({EMA})", Span(100, 0, 100)), micro_batches=micro_batches,
        **({"teacher": lambda strategy: told, "temperature": 2.0, "hard_weight": 0.25}
           if taught else {}),
    )
    trainer.state.rate_factor.assign(0.5)
    by_hand = ByHand(model, devices, parse_policy(POLICY), taught, micro_batches)
    sums = trainer.call(trainer.iterator, tf.constant(STEPS, tf.int64)).numpy()
    for step in range(STEPS):
        by_hand.one_step(RATE * (1 - step / 100) * 0.5)
    np.testing.assert_allclose(sums, by_hand.sums, rtol=1e-4)
    state = trainer.state
    assert_same(values_of(state.weights), by_hand.weights)
    assert_same(values_of(state.slots["momentum"]), by_hand.slots)
    assert_same(values_of(state.statistics), by_hand.statistics)
    assert_same(values_of(state.averages), by_hand.averages)
    assert [int(state.step.read_value()), int(state.updates.read_value())] == [STEPS, STEPS]
    assert float(state.rate_factor.read_value()) == 0.5  # evaluations alone change it


def test_what_the_three_steps_depend_on():
    """Each draw is another one, so that the test above would see one that is used twice."""
    generators = integer_states(tiny())
    assert len(generators) == 2
    seeds = [fold_in([SEED, 0], step, replica) for step in range(3) for replica in range(2)]
    drawn = [
        tuple(np.ravel(state).tolist()) for seed in seeds
        for part in generator_states(generators, seed, 2) for state in part
    ] + [tuple(fold_in(seed, 0).numpy().tolist()) for seed in seeds]
    assert len(set(drawn)) == len(drawn) == 6 * 5
    images = tf.constant(IMAGES)
    policy = parse_policy(POLICY)
    seen = {policy(images, tf.one_hot(LABELS, 10), fold_in(s, 0))[0].numpy().tobytes()
            for s in seeds}
    assert len(seen) == len(seeds)


def test_frozen_layers_stay():
    """The normalisation is frozen: constants and moving statistics, whatever the others do."""
    model = tiny()
    trainer = Trainer(
        model, IMAGES, LABELS, devices=2, batch_size=ROWS, augment=POLICY,
        average=make_average("ema(0.5)", Span(100, 0, 100)),
    )
    # The call is built after layers are frozen, as a run does at each phase.
    model.get_layer("bn").trainable = model.get_layer("hidden").trainable = False
    before = {name: values_of(getattr(trainer.state, name))
              for name in ("weights", "statistics", "averages")}
    trainer.call = trainer.make_call()
    trainer.run(2)
    for name, values in before.items():
        for path, now in values_of(getattr(trainer.state, name)).items():
            moved = np.any(now != values[path])
            assert moved == path.startswith("head_dense"), (name, path)
    for path, slot in values_of(trainer.state.slots["momentum"]).items():
        assert np.any(slot) == path.startswith("head_dense"), path


def test_pick_makes_the_batch_in_each_replica():
    """Batches of indices into images that lie in the replica are those images."""
    ends = []
    for picks in (False, True):
        first = np.arange(ROWS)[:, None] if picks else IMAGES
        trainer = Trainer(
            tiny(0), first, LABELS, devices=2, batch_size=ROWS,
            pick=(lambda places, labels: (tf.gather(IMAGES, places[:, 0]), labels))
            if picks else None,
        )
        trainer.run(2)
        ends.append(trainer.weights())
    for path, value in ends[0].items():
        np.testing.assert_array_equal(ends[1][path], value, err_msg=path)
