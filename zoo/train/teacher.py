"""The teacher of a run that distils: a trained network, in inference mode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

import zoo.weights
from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.forward import make_forward
from zoo.core.state import make_state
from zoo.recipe import Recipe
from zoo.recipe.file import read_recipe
from zoo.spec import parse_options


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
        mean=recipe.mean, std=recipe.std, jit_compile=jit_compile,
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
) -> Callable[[tf.Tensor], tf.Tensor]:
    """`teacher(images float32 [B, S, S, C] in 0..255) -> logits [B, classes]`, in a replica.

    It normalises images as its own were, whatever the student's recipe has.

    Args:
      weights: a run's folder, or as of `zoo.create_model`.
      name: its architecture; "" for that of the run or of the catalogue's entry.
      class_names: what the data has; the teacher has to know the same ones.
      input_shape: of the student's images, all sizes of which the teacher takes.
      mean, std: by channel, in levels of 0..255, for a file that does not tell its own.

    Raises ValueError, in one line, for weights without a model, or with other classes.
    """
    run = Path(weights) / "recipe.json"
    begun = read_recipe(weights) if run.is_file() else None
    if begun is not None:
        name, options = name or begun.model, parse_options(begun.model_options)
    else:
        name, options = name or zoo.weights.model_of(weights), {}
    model = zoo.weights.create_model(name, weights=weights, input_shape=input_shape, **options)
    count = model.output.shape[-1]
    # Those of the catalogue are called otherwise than a set's own classes, so only a run's are.
    if count != len(class_names) or (begun and model.class_names != class_names):
        raise ValueError(
            f"--teacher: {weights} knows {count} classes; expected the {len(class_names)} of the "
            f"data, {class_names[0]}, ..."
        )
    if model.preprocessing is not None:
        mean, std = model.preprocessing.mean, model.preprocessing.std
    model = with_fused_batch_norm(model)
    return make_forward(
        model, make_state(model, strategy, scales_loss=False), mean=mean, std=std,
        jit_compile=jit_compile,
    )
