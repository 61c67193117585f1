"""HDF5 files of Keras: weights by the name of their layer, as keras.applications publishes them.

A group a layer, whose attribute `weight_names` lists its datasets. The file itself is such a list
of layers (`save_weights` of Keras 1 and 2) or holds one as `model_weights` (`model.save("x.h5")`).
Keras 3's `.weights.h5` is another format: its variables are numbered, and what a number means only
the layer's class knows.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zoo.lazy import lazy_module
from zoo.weights.readers.raw import Damaged, widened

h5py = lazy_module("h5py")

MAGIC = b"\x89HDF\r\n\x1a\n"
# Keras 1's names, as in "fc1_W_1:0"; its running_std is the variance.
_OLD_NAMES = {
    "W": "kernel", "b": "bias", "gamma": "gamma", "beta": "beta", "running_mean": "moving_mean",
    "running_std": "moving_variance",
}
_HEAP_MAGIC = b"GCOL\x01\0\0\0"
_HEAP_OBJECT = struct.calcsize("<H6xQ")
_LAYERS, _WEIGHTS = "layer_names", "weight_names"


def kind(path: str | os.PathLike[str]) -> str:
    """"keras_h5" where weights are named by layer, "keras_weights" for Keras 3's `.weights.h5`.

    Raises:
      Damaged: HDF5 cannot open it.
      ValueError: an HDF5 file that is neither.
    """
    with opened(path) as file:
        if has(file, "model_weights") or _LAYERS in file.attrs or f"{_LAYERS}0" in file.attrs:
            return "keras_h5"
        if any(has(file, group) for group in ("layers", "_layer_checkpoint_dependencies", "vars")):
            return "keras_weights"
        raise ValueError(f"got an HDF5 file with {sorted(file)!s:.80}; expected Keras' weights")


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """"LAYER/VARIABLE" -> array, a copy, in the file's order of layers and weights.

    VARIABLE is Keras' name today: kernel, bias, depthwise_kernel, gamma, beta, moving_mean,
    moving_variance, ...

    Raises:
      Damaged: HDF5 cannot read it, or its parts do not agree.
      ValueError: a dataset outside of the file or compressed, links, a name twice.
    """
    tensors: dict[str, np.ndarray] = {}
    _check_heaps(path)
    left = os.path.getsize(path)
    with opened(path) as file:
        root = _group(file, "model_weights") if has(file, "model_weights") else file
        for layer in _names(root, _LAYERS):
            group = _group(root, layer)
            for weight in _names(group, _WEIGHTS):
                name = f"{layer}/{_variable(layer, weight)}"
                if name in tensors:
                    raise ValueError(f"got {name!r:.80} twice; expected no model inside the model")
                dataset = plain_dataset(group, weight)
                left -= dataset.nbytes
                if left < 0:
                    raise Damaged("its datasets are longer than the file")
                values = dataset[()]
                tensors[name] = widened(values.astype(values.dtype.newbyteorder("="), copy=False))
    return tensors


@contextlib.contextmanager
def opened(path: str | os.PathLike[str] | BinaryIO) -> Iterator[h5py.File]:
    """Raises Damaged for all that HDF5 says of broken files."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise Damaged(f"as HDF5: {error}") from error


def _check_heaps(path: str | os.PathLike[str]) -> None:
    """Heaps of strings whose lengths add up: in others HDF5 1.14 may loop for ever.

    A heap is `_HEAP_MAGIC`, its length (uint64) and objects: number (uint16; 0 for what is free),
    6 bytes, length (uint64; for what is free of all of it), bytes up to a multiple of 8.
    """
    data = Path(path).read_bytes()
    starts = [data.find(_HEAP_MAGIC)]
    while starts[-1] >= 0:
        starts.append(data.find(_HEAP_MAGIC, starts[-1] + 1))
    for start, limit in itertools.pairwise([*starts[:-1], len(data)]):
        position = start + len(_HEAP_MAGIC) + 8
        end = start + int.from_bytes(data[position - 8 : position], "little")
        # Less than an object's 16 bytes may be left over.
        while position + _HEAP_OBJECT <= end <= limit:
            number, length = struct.unpack_from("<H6xQ", data, position)
            step = length if number == 0 else _HEAP_OBJECT + -(-length // 8) * 8
            if step < _HEAP_OBJECT:
                break
            position += step
        if not 0 <= end - position < _HEAP_OBJECT:
            raise Damaged(f"its heap of strings at byte {start} does not add up")


def _group(parent: h5py.Group, path: str) -> h5py.Group:
    for part in path.split("/"):  # Keras 2 allowed "/" in the names of layers
        parent = member(parent, part, h5py.Group)
    return parent


def has(parent: h5py.Group, name: str) -> bool:
    """True for a direct member; links, which `in` would follow, may lead to other files."""
    return parent.get(name, getclass=True, getlink=True) is h5py.HardLink


def member(parent: h5py.Group, name: str, kind: type) -> h5py.Group | h5py.Dataset:
    if not has(parent, name):
        raise ValueError(f"got no {name!r:.80}, or a link; expected it in {parent.name!r:.80}")
    found = parent[name]
    if not isinstance(found, kind):
        raise Damaged(f"{name!r:.80} is a {type(found).__name__}; expected a {kind.__name__}")
    return found


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """A list of names; one over 64 KiB lies in attributes with 0, 1, ... behind their name."""
    numbered = (f"{attribute}{number}" for number in itertools.count())
    parts = list(itertools.takewhile(group.attrs.__contains__, numbered)) or [attribute]
    names: list[str | bytes] = []
    for part in parts:
        stored = group.attrs.get_id(part)
        if stored.shape == (0,):  # the type of no names is float64
            continue
        # Of other types HDF5 may crash.
        if h5py.check_string_dtype(stored.dtype) is None or len(stored.shape) != 1:
            raise Damaged(f"attribute {part!r} of {group.name!r:.80} is no list of names")
        if stored.get_storage_size() > os.path.getsize(group.file.filename):
            raise Damaged(f"attribute {part!r} of {group.name!r:.80} is longer than the file")
        names.extend(group.attrs[part])
    return [name.decode() if isinstance(name, bytes) else name for name in names]


def _variable(layer: str, weight: str) -> str:
    """"conv1/kernel:0" and "conv1_W_1:0" of layer "conv1" -> "kernel"."""
    old = re.fullmatch(re.escape(layer) + r"_(\w+?)(_\d+)?:0", weight)
    if old and old[1] in _OLD_NAMES:
        return _OLD_NAMES[old[1]]
    return weight.rpartition("/")[2].removesuffix(":0")


def plain_dataset(group: h5py.Group, path: str) -> h5py.Dataset:
    """Numbers that lie in the file itself, as they are."""
    folder, _, name = path.rpartition("/")
    dataset = member(_group(group, folder) if folder else group, name, h5py.Dataset)
    if dataset.is_virtual or dataset.external or dataset.chunks is not None:
        raise ValueError(
            f"dataset {path!r:.80} is compressed or in another file; expected plain ones"
        )
    stored = dataset.id.get_storage_size()
    shape, dtype = dataset.shape, dataset.dtype
    if shape is None or dtype.kind not in "fiub" or stored != dataset.nbytes:
        raise Damaged(f"dataset {path!r:.80} has {stored} bytes; expected {shape} of {dtype}")
    return dataset
