"""PyTorch's `.pth` and `.pt`: the zip format, and the one from before version 1.6.

Both are a pickle that names storages, see `pickled`, and the storages' bytes.

Which dictionary of a checkpoint is the state dict says `state_dict`. Left out: tar files from
before version 0.2, whole pickled models, TorchScript, sparse and quantised tensors, storages from
big-endian machines.
"""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from zoo.weights.readers import archive, raw, state_dict
from zoo.weights.readers.pickled import Storage, Tensor, unpickle
from zoo.weights.readers.raw import Damaged

# The number that begins a file of the old format, as bytes of its pickle.
LEGACY_MAGIC = bytes.fromhex("6cfc9c46f9206aa85019")
_LEGACY_VERSION = 1001
# How often each number may be in a tensor, on average: weights that two layers share are there
# twice.
_MOST_SHARING = 4


def pickles(names: list[str]) -> list[str]:
    """Those members of a zip archive that are PyTorch's pickle, FOLDER/data.pkl."""
    return [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]


def read(path: str | os.PathLike[str], key: str = "") -> dict[str, np.ndarray]:
    """Name -> array: a read-only view of the file's bytes, or of a float32 copy of a storage.

    key: of the dictionary of tensors, as of `state_dict.find`.

    Raises:
      Damaged: pickle, storages and lengths do not agree.
      ValueError: something else than a state dict of dense tensors.
    """
    if archive.is_zip(path):
        with archive.opened(path) as zipped:
            return _read_zip(zipped, key)
    return _read_legacy(Path(path).read_bytes(), key)


def _read_zip(zipped: zipfile.ZipFile, key: str) -> dict[str, np.ndarray]:
    names = zipped.namelist()
    pickle_name, *others = pickles(names)
    if others:
        raise Damaged(f"got {pickle_name!r:.80} and {others[0]!r:.80}; expected one pickle")
    folder = pickle_name.removesuffix("data.pkl")
    if folder + "constants.pkl" in names:
        raise ValueError("got a TorchScript program; expected torch.save(model.state_dict(), ...)")
    order = folder + "byteorder"
    _check_byte_order(order not in names or archive.read_member(zipped, order) == b"little")
    checkpoint, _ = unpickle(io.BytesIO(archive.read_member(zipped, pickle_name)))

    def data_of(storage: Storage) -> np.ndarray:
        data = archive.read_member(zipped, f"{folder}data/{storage.key}")
        if len(data) != storage.count * np.dtype(storage.dtype).itemsize:
            raise Damaged(f"got {len(data)} bytes for {_described(storage)}")
        return raw.array(data, storage.dtype, storage.count)

    return _arrays(checkpoint, key, data_of)


def _read_legacy(data: bytes, key: str) -> dict[str, np.ndarray]:
    stream = io.BytesIO(data)
    _, version, system = (unpickle(stream)[0] for _ in range(3))
    if version != _LEGACY_VERSION or not isinstance(system, dict):
        raise Damaged(f"its version is not {_LEGACY_VERSION}")
    _check_byte_order(system.get("little_endian") is True)
    checkpoint, storages = unpickle(stream)
    keys, _ = unpickle(stream)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Damaged("its list of storages is not one of names")
    if sorted(keys) != sorted(storages):
        raise Damaged("its storages are not those of its tensors")
    arrays, position = {}, stream.tell()
    for storage in (storages[key] for key in keys):
        count = int(raw.array(data, "int64", 1, position)[0])
        if count != storage.count:
            raise Damaged(f"got {count} numbers for {_described(storage)}")
        arrays[storage] = raw.array(data, storage.dtype, count, position + 8)
        position += 8 + count * np.dtype(storage.dtype).itemsize
    return _arrays(checkpoint, key, arrays.__getitem__)


def _described(storage: Storage) -> str:
    return f"storage {storage.key!r:.80}; expected {storage.count} of {storage.dtype}"


def _check_byte_order(little_endian: bool) -> None:
    if not little_endian:
        raise ValueError("got storages of a big-endian machine; expected little-endian ones")


def _arrays(
    checkpoint: Any, key: str, data_of: Callable[[Storage], np.ndarray]
) -> dict[str, np.ndarray]:
    tensors = state_dict.find(checkpoint, key)
    _check_sharing(list(tensors.values()))
    storages: dict[Storage, np.ndarray] = {}
    arrays = {}
    for name, tensor in tensors.items():
        if tensor.storage not in storages:
            storages[tensor.storage] = data_of(tensor.storage)
        arrays[name] = _view(tensor, storages[tensor.storage])
    return arrays


def _check_sharing(tensors: list[Tensor]) -> None:
    """Raises Damaged for many tensors of one storage: a copy of each would fill the memory."""
    numbers = sum(math.prod(tensor.size) for tensor in tensors)
    stored = sum(storage.count for storage in {tensor.storage for tensor in tensors})
    if numbers > _MOST_SHARING * stored:
        raise Damaged(
            f"got tensors of {numbers} numbers in storages of {stored}; expected at most "
            f"{_MOST_SHARING} times as many"
        )


def _view(tensor: Tensor, data: np.ndarray) -> np.ndarray:
    if 0 in tensor.size:
        return np.empty(tensor.size, data.dtype)
    strides = [step * data.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(data[tensor.offset :], tensor.size, strides)
