"""PyTorch's `.pth` and `.pt`: the zip format, and the one from before version 1.6.

Both are a pickle that names storages, and the storages' bytes. Unpickling may run anything that
Python can import. Here the pickle finds a fixed list of names, which build records out of
numbers and strings; any other name is an error, and nothing is imported or called.

The state dict of a training checkpoint is its first dict of `STATE_DICTS`, averaged weights before
the last ones; without one the checkpoint is the state dict itself. "module." in front of all names
(DataParallel) goes. Left out: tar files from before version 0.2, whole pickled models, TorchScript,
sparse and quantised tensors, storages from big-endian machines.
"""

from __future__ import annotations

import io
import math
import os
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoo.weights.readers import archive, raw
from zoo.weights.readers.raw import Damaged

STATE_DICTS = ("state_dict_ema", "model_ema", "state_dict", "model")
# The number that begins a file of the old format, as bytes of its pickle.
LEGACY_MAGIC = bytes.fromhex("6cfc9c46f9206aa85019")
_LEGACY_VERSION = 1001
_MOST_DIMENSIONS = 64  # numpy's limit


class _Storage(NamedTuple):
    dtype: str
    key: str
    count: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Refused(ValueError):
    """The pickle asks for what is no part of plain weights."""


class _Dict(dict):
    """What a pickle gets for an OrderedDict or a namespace: attributes that it sets are ignored."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class _Builder(NamedTuple):
    """A function of which a pickle can set no attribute."""

    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def pickles(names: list[str]) -> list[str]:
    """Those members of a zip archive that are PyTorch's pickle, FOLDER/data.pkl."""
    return [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Name -> array: a read-only view of the file's bytes, or of a float32 copy of a storage.

    Raises:
      Damaged: pickle, storages and lengths do not agree.
      ValueError: something else than a state dict of dense tensors.
    """
    if archive.is_zip(path):
        with archive.opened(path) as zipped:
            return _read_zip(zipped)
    return _read_legacy(Path(path).read_bytes())


def _read_zip(zipped: zipfile.ZipFile) -> dict[str, np.ndarray]:
    names = zipped.namelist()
    pickle_name, *others = pickles(names)
    if others:
        raise Damaged(f"got {pickle_name!r:.80} and {others[0]!r:.80}; expected one pickle")
    folder = pickle_name.removesuffix("data.pkl")
    if folder + "constants.pkl" in names:
        raise ValueError("got a TorchScript program; expected torch.save(model.state_dict(), ...)")
    order = folder + "byteorder"
    _check_byte_order(order not in names or archive.read_member(zipped, order) == b"little")
    checkpoint, _ = _unpickle(io.BytesIO(archive.read_member(zipped, pickle_name)))

    def data_of(storage: _Storage) -> np.ndarray:
        data = archive.read_member(zipped, f"{folder}data/{storage.key}")
        if len(data) != storage.count * np.dtype(storage.dtype).itemsize:
            raise Damaged(f"got {len(data)} bytes for {_described(storage)}")
        return raw.array(data, storage.dtype, storage.count)

    return _arrays(checkpoint, data_of)


def _read_legacy(data: bytes) -> dict[str, np.ndarray]:
    stream = io.BytesIO(data)
    _, version, system = (_unpickle(stream)[0] for _ in range(3))
    if version != _LEGACY_VERSION or not isinstance(system, dict):
        raise Damaged(f"its version is not {_LEGACY_VERSION}")
    _check_byte_order(system.get("little_endian") is True)
    checkpoint, storages = _unpickle(stream)
    keys, _ = _unpickle(stream)
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
    return _arrays(checkpoint, arrays.__getitem__)


def _described(storage: _Storage) -> str:
    return f"storage {storage.key!r:.80}; expected {storage.count} of {storage.dtype}"


def _check_byte_order(little_endian: bool) -> None:
    if not little_endian:
        raise ValueError("got storages of a big-endian machine; expected little-endian ones")


def _arrays(checkpoint: Any, data_of: Callable[[_Storage], np.ndarray]) -> dict[str, np.ndarray]:
    state = _state_dict(checkpoint)
    start = "module." if all(name.startswith("module.") for name in state) else ""
    storages: dict[_Storage, np.ndarray] = {}
    arrays = {}
    for name, value in state.items():
        if isinstance(value, _Tensor):
            if value.storage not in storages:
                storages[value.storage] = data_of(value.storage)
            arrays[name.removeprefix(start)] = _view(value, storages[value.storage])
        elif isinstance(value, int) and abs(value) < 2**63:
            arrays[name.removeprefix(start)] = np.asarray(value, np.int64)
        else:
            raise ValueError(
                f"entry {name!r:.80} is a {type(value).__name__}; expected a tensor or an int"
            )
    return arrays


def _state_dict(checkpoint: Any) -> dict[str, Any]:
    state = checkpoint
    if isinstance(checkpoint, dict):
        state = next(
            (checkpoint[key] for key in STATE_DICTS if isinstance(checkpoint.get(key), dict)),
            checkpoint,
        )
    if not isinstance(state, dict) or not state or not all(isinstance(k, str) for k in state):
        raise ValueError(
            f"got a {type(state).__name__} that is no state dict; expected name -> tensor, alone "
            f"or under one of {list(STATE_DICTS)}"
        )
    return state


def _view(tensor: _Tensor, data: np.ndarray) -> np.ndarray:
    if 0 in tensor.size:
        return np.empty(tensor.size, data.dtype)
    strides = [step * data.itemsize for step in tensor.stride]
    return np.lib.stride_tricks.as_strided(data[tensor.offset :], tensor.size, strides)


def _unpickle(stream: io.BytesIO) -> tuple[Any, dict[str, _Storage]]:
    """What the pickle at the stream's position holds, and its storages by key."""
    start = stream.tell()
    try:
        # The C unpickler keeps an array as long as the highest memo number, which may be 2**32.
        for opcode, argument, position in pickletools.genops(stream):
            if "PUT" in opcode.name and argument > position - start:
                raise Damaged(f"its pickle has memo number {argument}")
        stream.seek(start)
        unpickler = _Unpickler(stream, encoding="utf-8")  # for strings of Python 2
        return unpickler.load(), unpickler.storages
    except (Damaged, _Refused):
        raise
    except Exception as error:  # broken pickles raise anything, says pickle's documentation
        raise Damaged(f"its pickle: {type(error).__name__}: {error}") from error


class _Unpickler(pickle.Unpickler):
    """Finds the names of `_NAMES` only; storages become records."""

    def __init__(self, stream: io.BytesIO, encoding: str) -> None:
        super().__init__(stream, encoding=encoding)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        found = _NAMES.get(f"{module}.{name}")
        if found is None:
            raise _Refused(
                f"its pickle asks for {f'{module}.{name}'!r:.120}, which was not loaded: pickles "
                "can run anything; expected torch.save(model.state_dict(), ...)"
            )
        return found

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", str(dtype), str(key), _, int(count)) | (
                "storage", str(dtype), str(key), _, int(count), None
            ) if dtype in _STORAGES.values() and count >= 0:
                storage = _Storage(dtype, key, count)
                if self.storages.setdefault(key, storage) == storage:
                    return storage
        raise Damaged("its pickle names a storage; expected type, key, device and count, each once")


def _build_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _Tensor:
    """Both of PyTorch's forms; what follows is about gradients."""
    tensor = _Tensor(storage, offset, tuple(size), tuple(stride))
    numbers = (offset, *tensor.size, *tensor.stride)
    if (
        not isinstance(storage, _Storage)
        or not len(tensor.size) == len(tensor.stride) <= _MOST_DIMENSIONS
        or not all(isinstance(number, int) and number >= 0 for number in numbers)
    ):
        raise Damaged("its pickle builds a tensor from something else than a storage and counts")
    steps = zip(tensor.size, tensor.stride, strict=True)
    end = 1 + offset + sum((count - 1) * step for count, step in steps)
    # An expanded tensor (stride 0) is more numbers than its storage: nobody's weights are.
    if 0 not in tensor.size and max(end, math.prod(tensor.size)) > storage.count:
        raise Damaged(
            f"got a tensor of shape {tensor.size!s:.80} up to number {end} of its storage; "
            f"expected at most {storage.count}"
        )
    return tensor


def _build_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _build_nothing(*_: Any) -> None:
    """A device: arrays here have none."""


_STORAGES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool",
}
_NAMES: dict[str, Any] = {
    "collections.OrderedDict": _Dict,
    "torch._utils._rebuild_tensor": _Builder(_build_tensor),
    "torch._utils._rebuild_tensor_v2": _Builder(_build_tensor),
    "torch._utils._rebuild_parameter": _Builder(_build_parameter),
    "torch.Size": tuple,
    "torch.device": _Builder(_build_nothing),
    "argparse.Namespace": _Dict,  # a training checkpoint's options
    **{f"torch.{name}Storage": dtype for name, dtype in _STORAGES.items()},
    **{f"torch.{dtype}": dtype for dtype in _STORAGES.values()},
}
