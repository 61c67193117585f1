"""The weights of the catalogue's entries, as values of the zoo's variables.

A checkpoint is converted once; what comes out is kept beside the downloads, in the zoo's own
names and layout, and read from there afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import zoo.models
from zoo.cache_folder import cache_folder
from zoo.files import write_bytes
from zoo.lazy import lazy_module
from zoo.models import registry
from zoo.weights import catalogue, convert, download, names

np = lazy_module("numpy")
readers = lazy_module("zoo.weights.readers")
safetensors_numpy = lazy_module("safetensors.numpy")

# The library of weights that were trained here: their tensors have the zoo's own names.
OWN = "zoo"
# Part of the name of converted files: another number where `convert` does another thing.
_VERSION = 1


def read_values(entry: catalogue.Entry, name: str) -> dict[str, np.ndarray]:
    """Variable path -> value, for the zoo's model `name` with all its heads.

    Raises:
      ValueError: a file that is broken, of another hash, or of another model.
      OSError: a download that failed.
    """
    file = download.fetch(entry)
    if entry.library == OWN:
        return readers.read_tensors(file)
    converted = _converted_path(entry, file)
    if converted.exists():
        return readers.read_tensors(converted)
    _, source = names.find(entry.library, entry.model_there)
    values = converted_values(name, readers.read_tensors(file), source, bgr=entry.bgr)
    converted.parent.mkdir(parents=True, exist_ok=True)
    write_values(converted, values)
    return values


def converted_values(
    name: str,
    tensors: Mapping[str, np.ndarray],
    source: names.Source,
    *,
    bgr: bool = False,
) -> dict[str, np.ndarray]:
    """A checkpoint's tensors as values of the zoo's model `name`, all its heads included.

    bgr: the first convolution takes its images' channels in the order blue, green, red; the values
    are for red, green, blue.

    Raises:
      ValueError: a tensor that no layer has a place for, or a layer without a tensor.
    """
    structure = registry.find(name).structure
    tensors = convert.unwrapped(tensors, source)
    has_aux = any(map(structure.is_auxiliary, convert.layers_of(tensors, source).values()))
    model = zoo.models.create_model(name, **({"aux_heads": True} if has_aux else {}))
    values = convert.convert(model, tensors, source)
    if bgr:
        for path in [f"{layer}/kernel" for layer in structure.first]:
            values[path] = values[path][:, :, ::-1]
    return {path: np.ascontiguousarray(value, np.float32) for path, value in values.items()}


def write_values(
    path: Path, values: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Variable path -> value as a .safetensors file, all of it or nothing."""
    # Not save_file: it makes files that others may not read.
    write_bytes(path, safetensors_numpy.save(dict(values), metadata=metadata and dict(metadata)))


def _converted_path(entry: catalogue.Entry, file: Path) -> Path:
    # The size and the time of the download: another file under this name is converted anew.
    state = file.stat()
    key = re.sub(r"[^\w.-]", "_", entry.name)
    stamp = f"{state.st_size:x}-{state.st_mtime_ns:x}"
    return cache_folder() / "converted" / f"{key}-{stamp}-v{_VERSION}.safetensors"
