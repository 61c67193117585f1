"""Weights in files of the user's: the zoo's own, those of public libraries, of Keras, of runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import zoo.models
from zoo.lazy import lazy_module
from zoo.runs import checkpoints, run_folder
from zoo.weights import artefact, names, stored
from zoo.weights.card import Card, card_of_recipe

np = lazy_module("numpy")
readers = lazy_module("zoo.weights.readers")
keras = lazy_module("keras")
h5py = lazy_module("h5py")


def read_card(path: Path) -> Card | None:
    """What a file or a run's folder says of its model; None for a file that says nothing.

    A finished run is its model.safetensors; of an unfinished one the recipe says the same.

    Raises:
      ValueError: a folder that is no run's, or a file that cannot be read; in one line.
    """
    if not path.is_dir():
        return artefact.read_card(path)
    if (path / artefact.NAME).exists():
        return artefact.read_card(path / artefact.NAME)
    return card_of_recipe(
        run_folder.read_recipe(path), run_folder.read_class_names(path),
        **run_folder.provenance(path),
    )


def read_values(path: Path, name: str, **options: Any) -> dict[str, np.ndarray]:
    """Variable path -> value, for the zoo's model `name`, out of a file or a run's folder.

    Of an unfinished run they are those of its newest checkpoint; with early stopping of its best
    one; their averages, where the run keeps some.

    options: those that the model of a .weights.h5 was built with, which does not name its weights.

    Raises:
      ValueError: a file that cannot be read, or that holds the weights of another model.
    """
    if path.is_dir():
        if (path / artefact.NAME).exists():
            return readers.read_tensors(path / artefact.NAME)
        return _of_unfinished_run(path)
    kind = readers.kind_of(path)
    if kind == "keras":
        return values_of(keras.models.load_model(path, compile=False, safe_mode=True))
    if kind == "keras_weights":
        return _from_keras_weights(path, name, options)
    tensors = readers.read_tensors(path)
    if all("/" in tensor for tensor in tensors) and kind == "safetensors":
        return tensors  # what this zoo writes: its own names
    return _from_library(path, name, tensors)


def values_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Variable path -> value: the weights and moving statistics of a model, as it has them."""
    return {
        v.path: keras.ops.convert_to_numpy(v)
        for v in model.weights if keras.backend.is_float_dtype(v.dtype)
    }


def _of_unfinished_run(path: Path) -> dict[str, np.ndarray]:
    recipe = run_folder.read_recipe(path)
    checkpoint = checkpoints.newest(path, best=bool(recipe["patience"]))
    if checkpoint is None:
        raise ValueError(f"{path} has no checkpoint yet; train it further first")
    return checkpoints.read_values(checkpoint, averages=bool(recipe["averaging"]))


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
    return values_of(model)


def _from_library(path: Path, name: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tries the name map of each library that has this model; the first that fits is the one."""
    errors = []
    for library, source in names.sources(name).items():
        try:
            return stored.converted_values(
                name, tensors, source, keras_layout=library == "keras"
            )
        except ValueError as error:
            errors.append(f"as {library}:{source.model}: {error}")
    raise ValueError(
        f"{path} holds no weights of {name!r}: {'; '.join(errors) or 'no library has this model'}"
    )
