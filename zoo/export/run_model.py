"""The model of a run: built from its recipe, with the weights of its newest checkpoint."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

import zoo.weights
from zoo.recipe import Recipe
from zoo.recipe.file import read_recipe
from zoo.spec import parse_options


def build_model(
    recipe: Recipe, num_classes: int, weights: str = "", *, aux_heads: bool = False
) -> keras.Model:
    """The recipe's model, new or with `weights`, under the current dtype policy.

    aux_heads: with the auxiliary classifiers that only training needs.

    Raises ValueError, in one line, for an unknown model or option, a size it cannot take, or
    weights that are not this model's.
    """
    return zoo.weights.create_model(
        recipe.model,
        weights=weights or None,
        num_classes=num_classes,
        input_shape=(recipe.image_size, recipe.image_size, recipe.channels),
        **parse_options(recipe.model_options), **({"aux_heads": True} if aux_heads else {}),
    )


def load_run(run_dir: str | Path) -> tuple[Recipe, keras.Model, tuple[str, ...]]:
    """Recipe, float32 model with the trained weights, and class names of a run's folder.

    The weights are those of the newest checkpoint, with early stopping of the best one; their
    averages, where the run keeps some.

    Raises ValueError, in one line, where the folder is no run's or has no checkpoint yet.
    """
    recipe = read_recipe(run_dir)
    checkpoint = newest_checkpoint(run_dir, recipe)
    if checkpoint is None:
        raise ValueError(f"--run_dir: {run_dir} has no checkpoint yet; train it further first")
    class_names = tuple((Path(run_dir) / "classes.txt").read_text().splitlines())
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = build_model(recipe, len(class_names))
    finally:
        keras.config.set_dtype_policy(policy)
    read_weights(model, checkpoint, averages=bool(recipe.averaging))
    return recipe, model, class_names


def newest_checkpoint(run_dir: str | Path, recipe: Recipe) -> str | None:
    """The path that TensorFlow knows it by; with early stopping that of the best evaluation."""
    folder = "best" if recipe.patience else "checkpoints"
    return tf.train.latest_checkpoint(str(Path(run_dir) / folder))


def read_weights(model: keras.Model, checkpoint: str, *, averages: bool = False) -> None:
    """Assigns a training checkpoint's weights and batch-norm statistics, or the averages of both,
    to `model`.

    Raises ValueError, naming it, for a weight that the checkpoint lacks.
    """
    reader = tf.train.load_checkpoint(checkpoint)
    stored = reader.get_variable_to_shape_map()
    for variable in model.weights:
        if not keras.backend.is_float_dtype(variable.dtype):
            continue  # the state of a dropout layer's generator: not part of a trained model
        kind = "weights" if variable.trainable else "statistics"
        kind = "averages" if averages else kind
        # TensorFlow writes "/" in a name as ".S", and "." itself as "..".
        escaped = variable.path.replace(".", "..").replace("/", ".S")
        key = f"{kind}/{escaped}/.ATTRIBUTES/VARIABLE_VALUE"
        if key not in stored:
            raise ValueError(f"{checkpoint} lacks {variable.path}; expected this model's weights")
        variable.assign(reader.get_tensor(key))
