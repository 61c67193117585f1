"""Batch normalisation by TensorFlow's fused kernels, in the graphs of training and evaluation.

Keras 3 builds it from moments and elementwise operations, each a pass over the images; with the
fused kernel a ResNet trains about 1.5 times as fast on a CPU (docs/measurements/training_speed.md).
Layers are swapped where a run trains; what a run saves holds Keras' own layer.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf


def with_fused_batch_norm(model: keras.Model) -> keras.Model:
    """`model` with each of its batch normalisations over NHWC images replaced by the fused one.

    The other layers, and so their weights, are the same objects; values, paths and order of all
    weights stay. Without such a layer it is the model itself.
    """

    def swap(layer):
        return FusedBatchNormalization.from_config(layer.get_config()) if _fits(layer) else layer

    if not any(map(_fits, model.layers)):
        return model
    return _swapped(model, swap)


def with_synchronized_batch_norm(model: keras.Model) -> keras.Model:
    """As `with_fused_batch_norm`, by Keras' layers with statistics over the images of all replicas.

    They cross replicas in the middle of the model, which therefore cannot be compiled as a whole.
    """

    def swap(layer):
        if not isinstance(layer, keras.layers.BatchNormalization):
            return layer
        return keras.layers.BatchNormalization.from_config(
            {**layer.get_config(), "synchronized": True}
        )

    return _swapped(model, swap)


def _swapped(model: keras.Model, swap: Callable) -> keras.Model:
    """`model` with `swap(layer)` for each layer; values, paths and order of all weights stay."""
    swapped = keras.models.clone_model(model, clone_function=swap)
    for old, new in zip(model.layers, swapped.layers, strict=True):
        if new is not old and old.weights:
            new.set_weights(old.get_weights())
    swapped.structure = getattr(model, "structure", None)  # of zoo.create_model: the same layers
    return swapped


def _fits(layer: keras.layers.Layer) -> bool:
    return type(layer) is keras.layers.BatchNormalization and len(layer.input.shape) == 4


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer for images [B, H, W, C] in float32, float16 or bfloat16; equal to rounding.

    Statistics are float32 whatever the images are.
    """

    def call(self, inputs, training=None, mask=None):
        trains = bool(training and self.trainable)
        ones, zeros = tf.ones_like(self.moving_mean), tf.zeros_like(self.moving_mean)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma if self.scale else ones,
            offset=self.beta if self.center else zeros,
            mean=tf.constant([], tf.float32) if trains else self.moving_mean,
            variance=tf.constant([], tf.float32) if trains else self.moving_variance,
            epsilon=self.epsilon,
            is_training=trains,
        )
        if trains:
            # The kernel gives the variance over n - 1; Keras averages that over n.
            count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
            variance *= (count - 1) / count
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs
