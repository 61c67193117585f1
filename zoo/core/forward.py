"""The model as a function of tensors: the normalisation of its images, and its logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import tensorflow as tf

from zoo.core.state import State, is_float


def normalise(images: tf.Tensor, mean: Sequence[float], std: Sequence[float]) -> tf.Tensor:
    """(images - mean) / std by channel; images in 0..255 of any number type -> float32."""
    return (tf.cast(images, tf.float32) - tf.constant(mean)) / tf.constant(std)


def logits_of(outputs: tf.Tensor | Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The classifier's logits: the output of the model, or one of several with auxiliary heads."""
    return outputs["logits"] if isinstance(outputs, Mapping) else outputs


def make_forward(
    model: keras.Model,
    state: State,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    jit_compile: bool,
    averaged: bool = False,
) -> Callable[[tf.Tensor], tf.Tensor]:
    """`forward(images [B, S, S, C] in 0..255) -> logits`, inference with the state's weights.

    To be called in a replica. averaged: with the state's averages instead, which it must have.
    """

    def infer(known, images):
        generator_states = (v.value for v in model.non_trainable_variables if not is_float(v))
        outputs, _ = model.stateless_call(
            [known[v.path] for v in model.trainable_variables],
            values_of(model.non_trainable_variables, known, generator_states),
            normalise(images, mean, std), training=False,
        )
        return logits_of(outputs)

    infer = tf.function(infer, jit_compile=jit_compile or None, autograph=False)

    def forward(images):
        variables = state.averages if averaged else {**state.weights, **state.statistics}
        return infer({path: v.read_value() for path, v in variables.items()}, images)

    return forward


def values_of(
    variables: Sequence[keras.Variable],
    known: Mapping[str, tf.Tensor],
    generator_states: Iterator[tf.Tensor],
) -> list[tf.Tensor]:
    """The values of non-trainable variables, in order: weights and statistics by path, and the
    states of dropout's generators one after another."""
    return [known[v.path] if is_float(v) else next(generator_states) for v in variables]
