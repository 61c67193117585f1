"""The parts of a run by hand, on digits."""

from __future__ import annotations

import functools

import keras
import tensorflow as tf

import zoo
from zoo.augment import Policy, parse_policy
from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.distribute import distributed
from zoo.core.forward import make_forward
from zoo.core.gradients import Settings
from zoo.core.losses import make_loss
from zoo.core.optimizer import make_optimizer
from zoo.core.runtime import make_strategy
from zoo.core.schedule import make_schedule
from zoo.core.state import make_state
from zoo.core.step import make_train_call

MEAN, STD = (33.3,), (78.6,)


class Trainer:
    """The parts of a run, by hand."""

    def __init__(self, model, images, labels, *, devices, precision="float32", jit_compile=False,
                 batch_size=32, augment="", rate=0.05, schedule="constant",
                 optimizer="nesterov(0.9)", decays=None, smoothing=0.0, loss="cross_entropy",
                 average=None, teacher=None, pick=None, **settings):
        self.strategy = make_strategy([f"CPU:{i}" for i in range(devices)])
        scales_loss = precision == "mixed_float16"
        self.model = model
        optimizer = make_optimizer(optimizer, **(decays or {}))
        self.state = make_state(
            model, self.strategy, scales_loss=scales_loss, slots=optimizer.slots,
            scalars=optimizer.scalars,
            averages=average is not None,
        )
        settings = Settings(
            num_classes=10, mean=MEAN, std=STD, label_smoothing=smoothing, batch_size=batch_size,
            seed=3, scales_loss=scales_loss, jit_compile=jit_compile, loss=make_loss(loss),
            **settings,
        )
        schedule = make_schedule(
            schedule, peak=rate, steps_per_epoch=100, epochs=1, warmup_epochs=0
        )
        policy = augment if isinstance(augment, Policy) else parse_policy(augment)
        self.make_call = functools.partial(
            make_train_call, self.strategy, model, self.state, policy, schedule, optimizer,
            settings, average=average, teacher=teacher and teacher(self.strategy), pick=pick,
        )
        self.call = self.make_call()
        dataset = tf.data.Dataset.from_tensor_slices((images, labels)).repeat()
        dataset = dataset.batch(batch_size, drop_remainder=True)
        self.iterator = distributed(self.strategy, dataset)
        self.forward = make_forward(
            model, self.state, mean=MEAN, std=STD, jit_compile=jit_compile
        )

    def run(self, steps):
        """(mean loss, accuracy) over the steps."""
        sums = self.call(self.iterator, tf.constant(steps, tf.int64)).numpy()
        assert sums[2] > 0
        return sums[:2] / sums[2]

    def weights(self):
        return {path: value.read_value().numpy() for path, value in self.state.weights.items()}


def build(name, precision="float32", **options):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    return with_fused_batch_norm(zoo.create_model(name, num_classes=10, **options))
