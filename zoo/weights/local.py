"""Weights in files of the user's: the zoo's own, those of public libraries, of Keras, of runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zoo.models
from zoo.lazy import lazy_module
from zoo.models import registry
from zoo.runs import checkpoints, run_folder
from zoo.weights import artefact, names, stored, timm_config
from zoo.weights.card import Card, card_of_recipe
from zoo.weights.unallocated import shapes_of

np = lazy_module("numpy")
readers = lazy_module("zoo.weights.readers")
keras = lazy_module("keras")

# Arguments of `zoo.models.create_model` for how a model ends.
_HEAD_OPTIONS = ("include_top", "pooling", "classifier_activation")


def read_card(path: Path) -> Card | None:
    """What a file or a run's folder says of its model; None for a file that says nothing.

    A finished run is its model.safetensors; of an unfinished one the recipe says the same.

    Raises:
      ValueError: a folder that is no run's, or a file that cannot be read; in one line.
    """
    if not path.is_dir():
        return artefact.read_card(path) or timm_config.read_card(path)
    if (path / artefact.NAME).exists():
        return artefact.read_card(path / artefact.NAME)
    recipe, class_names = run_folder.read_recipe(path), run_folder.read_class_names(path)
    known = run_folder.provenance(path)
    try:
        return card_of_recipe(recipe, class_names, **known)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_values(path: Path, name: str, **options: Any) -> dict[str, np.ndarray]:
    """Variable path -> value, for the zoo's model `name`, out of a file or a run's folder.

    Of an unfinished run they are those of its newest checkpoint, or where it leaves the best, of
    its best one; their averages, where the run keeps some.

    options: those that the model of a .keras or .weights.h5 was built with, which do not name
        their variables.

    Raises:
      ValueError: a file that cannot be read, or that holds the weights of another model.
    """
    if path.is_dir():
        if (path / artefact.NAME).exists():
            return readers.read_tensors(path / artefact.NAME)
        return _of_unfinished_run(path)
    kind = readers.kind_of(path)
    if kind in ("keras", "keras_weights"):
        return _from_keras(path, name, options)
    tensors = readers.read_tensors(path)
    if _is_own(kind, name, tensors):
        return {path: value for path, value in tensors.items() if value.dtype.kind == "f"}
    return _from_library(path, name, tensors)


def values_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Variable path -> value: the weights and moving statistics of a model, as it has them."""
    return {
        v.path: keras.ops.convert_to_numpy(v)
        for v in model.weights if keras.backend.is_float_dtype(v.dtype)
    }


def _is_own(kind: str, name: str, tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether the names are this zoo's own, "LAYER/VARIABLE"; those of keras.applications are of
    this form, too, in a legacy .h5 with layers of other names."""
    structure = getattr(registry.find(name), "structure", None)
    has_form = kind in ("safetensors", "keras_h5") and all("/" in tensor for tensor in tensors)
    return has_form and (
        kind == "safetensors" or structure is None
        or all(structure.holds(tensor.partition("/")[0]) for tensor in tensors)
    )


def _of_unfinished_run(path: Path) -> dict[str, np.ndarray]:
    recipe = run_folder.read_recipe(path)
    best = recipe["patience"] > 0 or recipe.get("keep") == "best"
    if best and checkpoints.newest(path, best=True):
        return values_of_evaluation(path, "best")
    return values_of_evaluation(path, "last")


def values_of_evaluation(path: Path, keep: str) -> dict[str, np.ndarray]:
    """Variable path -> value at the best evaluation of a run, or at its newest checkpoint; their
    averages, where the run keeps some.

    keep: "best" or "last".

    Raises:
      ValueError: no run's folder, or one without such a checkpoint.
    """
    recipe = run_folder.read_recipe(path)
    checkpoint = checkpoints.newest(path, best=keep == "best")
    if checkpoint is None:
        of_which = " of the best evaluation" if keep == "best" else ""
        raise ValueError(f"{path} has no checkpoint{of_which} yet; train it further first")
    return checkpoints.left_values(checkpoint, averaging=recipe["averaging"])


def _from_keras(path: Path, name: str, options: dict[str, Any]) -> dict[str, np.ndarray]:
    """Of a .keras or .weights.h5 file, whose layers are compared with those of the model here.

    Without its classifier a model takes the weights of one without, or those of the whole one.
    """
    layers = readers.read_layers(path)
    whole = {key: value for key, value in options.items() if key not in _HEAD_OPTIONS}
    errors = []
    for built_with in (options, whole) if whole != options else (options,):
        model = shapes_of(name, **built_with)
        try:
            return _by_layer(model, layers, with_names=readers.kind_of(path) == "keras")
        except ValueError as error:
            errors.append(error)
    raise ValueError(
        f"{path} does not hold the weights of {name!r} with options {options}: {errors[-1]}"
    )


def _by_layer(
    model: keras.Model, layers: dict[str, list[np.ndarray]], *, with_names: bool
) -> dict[str, np.ndarray]:
    """Variable path -> value; without those of heads that either of the two lacks.

    Raises:
      ValueError: a layer or a variable too many or too few.
    """
    names = [layer.name for layer in model.layers]
    if not with_names:
        names = readers.keras3.keys([type(layer).__name__ for layer in model.layers])
    structure = zoo.models.structure_of(model)
    left, values = dict(layers), {}
    for name, layer in zip(names, model.layers, strict=True):
        if name not in left and structure and structure.head_of(layer.name):
            continue  # it is new; or `assign` says that its values are missing
        arrays = left.pop(name, [])
        if len(arrays) != len(layer.weights):
            raise ValueError(
                f"got {len(arrays)} variables for layer {layer.name!r}; expected "
                f"{len(layer.weights)}"
            )
        values.update({v.path: array for v, array in zip(layer.weights, arrays, strict=True)})
    if other := [key for key in left if not (with_names and structure and structure.head_of(key))]:
        raise ValueError(f"got variables of a layer {other[0]!r:.80}, which the model lacks")
    return values


def _from_library(path: Path, name: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tries the name map of each library that has this model; the first that fits is the one."""
    errors = []
    for library, source in names.sources(name).items():
        try:
            return stored.converted_values(name, tensors, source)
        except ValueError as error:
            errors.append(f"as {library}:{source.model}: {error}")
    raise ValueError(
        f"{path} holds no weights of {name!r}: {'; '.join(errors) or 'no library has this model'}"
    )
