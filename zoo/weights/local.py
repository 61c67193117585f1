"""Weights in files of the user's: from public libraries, from Keras, from runs of this zoo."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import zoo.models
from zoo.lazy import lazy_module
from zoo.weights import names, stored
from zoo.weights.preprocessing import Preprocessing

np = lazy_module("numpy")
readers = lazy_module("zoo.weights.readers")
keras = lazy_module("keras")
h5py = lazy_module("h5py")


def read_values(path: Path, name: str, **options: Any) -> dict[str, np.ndarray]:
    """Variable path -> value, for the zoo's model `name`, out of a file or a run's folder.

    options: those that the model of a .weights.h5 was built with, which does not name its weights.

    Raises:
      ValueError: a file that cannot be read, or that holds the weights of another model.
    """
    if path.is_dir():
        # The part of the library that knows runs is needed for them alone.
        from zoo.export.run_model import load_run

        return _values_of(load_run(path)[1])
    kind = readers.kind_of(path)
    if kind == "keras":
        return _values_of(keras.models.load_model(path, compile=False, safe_mode=True))
    if kind == "keras_weights":
        return _from_keras_weights(path, name, options)
    tensors = readers.read_tensors(path)
    if all("/" in tensor for tensor in tensors) and kind == "safetensors":
        return tensors  # what this zoo writes: its own names
    return _from_library(path, name, tensors)


def read_preprocessing(path: Path) -> Preprocessing | None:
    """What a run's recipe says of its images; None for any other file, which says nothing."""
    if not path.is_dir():
        return None
    from zoo.recipe.file import read_recipe

    recipe = read_recipe(path)
    return Preprocessing(
        input_size=recipe.image_size, crop_pct=recipe.image_size / recipe.eval_resize,
        interpolation=recipe.eval_resizing, mean=recipe.mean, std=recipe.std,
    )


def read_class_names(path: Path) -> tuple[str, ...] | None:
    """Those of a run's folder; None for any other file."""
    if not path.is_dir():
        return None
    return tuple((path / "classes.txt").read_text().splitlines())


def _from_keras_weights(path: Path, name: str, options: dict[str, Any]) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        # Keras numbers layers by class: dense, dense_1, ...; the last one is the classifier.
        dense = sorted((x for x in file["layers"] if re.fullmatch(r"dense(_\d+)?", x)), key=len)
        biases = [file["layers"][layer]["vars"].get("1") for layer in dense[-1:]]
        num_classes = biases[0].shape[0] if biases and biases[0] is not None else None
    model = zoo.models.create_model(name, num_classes=num_classes, **options)
    try:
        model.load_weights(path)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"{path} does not hold the weights of {name!r} with options {options}: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    return _values_of(model)


def _from_library(path: Path, name: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The library whose names fit tells itself by that."""
    errors = []
    for library, source in names.sources(name).items():
        try:
            return stored.converted_values(name, tensors, source)
        except ValueError as error:
            errors.append(f"as {library}:{source.model}: {error}")
    raise ValueError(
        f"{path} holds no weights of {name!r}: {'; '.join(errors) or 'no library has this model'}"
    )


def _values_of(model: keras.Model) -> dict[str, np.ndarray]:
    return {
        v.path: keras.ops.convert_to_numpy(v)
        for v in model.weights if keras.backend.is_float_dtype(v.dtype)
    }
