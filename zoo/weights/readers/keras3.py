"""Keras 3's own formats: `.weights.h5`, and `.keras`, a zip archive of one and a configuration.

An HDF5 file of a group a layer, `layers/CLASS_NUMBER/vars` with datasets 0, 1, ...; a model among
the layers has `layers` of its own. Of the configuration the layers' names are read, as JSON:
nothing is built of it, no class is looked up.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from zoo.lazy import lazy_module
from zoo.weights.readers import archive, keras_h5
from zoo.weights.readers.raw import Damaged, widened

h5py = lazy_module("h5py")

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
# The configuration of a network of a thousand layers takes 2 MB; Python's objects of it, tenfold.
_LONGEST_CONFIG = 2**25
_MOST_NESTED = 8  # models in models


def read_layers(path: str | os.PathLike[str]) -> dict[str, list[np.ndarray]]:
    """Layer -> its variables in the order of `layer.weights`, copies; those with variables only.

    A layer is told by its name out of a .keras file; out of a .weights.h5, which has none, by
    `keys` of the classes of all layers ("conv2d_1"), behind those of the models around it.

    Raises:
      Damaged: HDF5, the archive or its parts contradict themselves.
      ValueError: datasets outside of the file or compressed, links, a name twice.
    """
    if not archive.is_zip(path):
        return _read_hdf5(Path(path).read_bytes())
    with archive.opened(path) as zipped:
        config = _config(zipped)
        layers = _read_hdf5(archive.read_member(zipped, _WEIGHTS))
    names = dict(_names(config))
    if unknown := [key for key in layers if key not in names]:
        raise Damaged(f"its configuration has no layer of the variables {unknown[0]!r:.80}")
    named = {names[key]: variables for key, variables in layers.items()}
    if len(named) < len(layers):
        raise ValueError("got two layers of one name; expected one each")
    return named


def keys(class_names: list[str]) -> list[str]:
    """How Keras calls layers of these classes in a file: Conv2D, Conv2D -> conv2d, conv2d_1."""
    counts: dict[str, int] = {}
    found = []
    for name in class_names:
        name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
        name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
        number = counts[name] = counts.get(name, -1) + 1
        found.append(f"{name}_{number}" if number else name)
    return found


def _read_hdf5(data: bytes) -> dict[str, list[np.ndarray]]:
    with keras_h5.opened(io.BytesIO(data)) as file:
        left, seen = len(data), set()
        found: dict[str, list[np.ndarray]] = {}
        for key, variables in _groups(file, "", seen, _MOST_NESTED):
            found[key] = []
            for number in range(len(variables)):
                dataset = keras_h5.plain_dataset(variables, str(number))
                left -= dataset.nbytes
                if left < 0:
                    raise Damaged("its datasets are longer than the file")
                values = dataset[()]
                native = values.astype(values.dtype.newbyteorder("="), copy=False)
                found[key].append(widened(native))
        return found


def _groups(
    group: h5py.Group, start: str, seen: set[Any], depth: int
) -> Iterator[tuple[str, h5py.Group]]:
    """The key of each layer with variables, and the group of these."""
    layers = keras_h5.member(group, "layers", h5py.Group)
    for key in layers:
        layer = keras_h5.member(layers, key, h5py.Group)
        # A group may be in many places: of a few bytes a tree without end.
        place = h5py.h5o.get_info(layer.id).addr
        if place in seen or depth == 0:
            raise Damaged(f"group {layer.name!r:.80} is in itself, in two places or too deep")
        seen.add(place)
        if keras_h5.has(layer, "layers"):
            yield from _groups(layer, f"{start}{key}/", seen, depth - 1)
        elif keras_h5.has(layer, "vars"):
            variables = keras_h5.member(layer, "vars", h5py.Group)
            if len(variables):
                yield start + key, variables


def _config(zipped: Any) -> Any:
    if (length := zipped.getinfo(_CONFIG).file_size) > _LONGEST_CONFIG:
        raise Damaged(f"its configuration has {length} bytes; expected up to {_LONGEST_CONFIG}")
    try:
        return json.loads(archive.read_member(zipped, _CONFIG))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"its configuration is no JSON: {error}") from error


def _names(config: Any, start: str = "", depth: int = _MOST_NESTED) -> Iterator[tuple[str, str]]:
    """The key of each layer in the file, and its name."""
    match config:
        case {"config": {"layers": [*layers]}} if depth:
            pass
        case _:
            raise Damaged("its configuration is no functional or sequential model's")
    if not all(isinstance(layer, dict) for layer in layers):
        raise Damaged("its configuration lists layers that are no objects")
    classes = [str(layer.get("class_name"))[:200] for layer in layers]
    for key, layer in zip(keys(classes), layers, strict=True):
        match layer:
            case {"config": {"layers": _}}:
                yield from _names(layer, f"{start}{key}/", depth - 1)
            case {"config": {"name": str(name)}}:
                yield start + key, name
