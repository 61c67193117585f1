"""The teacher of a run that distils: a trained network, in inference mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

import zoo.weights
from zoo.evaluate.exact import make_inference
from zoo.recipe import Recipe


def teacher_of(
    recipe: Recipe, strategy: tf.distribute.Strategy, class_names: tuple[str, ...], *,
    jit_compile: bool,
) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """The teacher that the recipe names, as of `make_teacher`; None where it names none."""
    if not recipe.teacher:
        return None
    return make_teacher(
        recipe.teacher, recipe.teacher_model, strategy, class_names=class_names,
        input_shape=(recipe.image_size, recipe.image_size, recipe.channels),
        mean=recipe.mean, std=recipe.std, jit_compile=jit_compile, trust=recipe.trust.split(","),
    )


def make_teacher(
    weights: str,
    name: str,
    strategy: tf.distribute.Strategy,
    *,
    class_names: tuple[str, ...],
    input_shape: tuple[int, int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    jit_compile: bool,
    trust: Sequence[str] = (),
) -> Callable[[tf.Tensor], tf.Tensor]:
    """`teacher(images float32 [B, S, S, C] in 0..255) -> logits [B, classes]`, in a replica.

    It normalises images as its own were, whatever the student's recipe has.

    Args:
      weights, trust: as of `zoo.create_model`.
      name: its architecture; "" for what the weights say.
      class_names: what the data has; the teacher has to know the same ones.
      input_shape: of the student's images, all sizes of which the teacher takes.
      mean, std: by channel, in levels of 0..255, for a file that does not tell its own.

    Raises ValueError, in one line, for weights without a model, or with other classes.
    """
    model = zoo.weights.create_model(
        name or None, weights=weights, input_shape=input_shape, trust=trust
    )
    count = model.output.shape[-1]
    # Those of the catalogue are called otherwise than a set's own classes, so only a run's are.
    of_run = model.card.recipe is not None
    if count != len(class_names) or (of_run and model.class_names != class_names):
        raise ValueError(
            f"--teacher: {weights} knows {count} classes; expected the {len(class_names)} of the "
            f"data, {class_names[0]}, ..."
        )
    if model.preprocessing is not None:
        mean, std = model.preprocessing.mean, model.preprocessing.std
    return make_inference(strategy, model, mean=mean, std=std, jit_compile=jit_compile)
