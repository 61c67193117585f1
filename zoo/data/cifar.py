"""`cifar:DIR`: CIFAR-10 and CIFAR-100 as published (Krizhevsky 2009), unpacked.

The binary version and the Python version are read. The latter are pickles: only arrays, lists,
texts and numbers are taken from them, and nothing in them is executed.
"""

from __future__ import annotations

import dataclasses
import io
import os
import pickle

from zoo.data.holdout import HELD_OUT, stratified_holdout
from zoo.data.splits import ArraySplit, Source
from zoo.lazy import lazy_module

np = lazy_module("numpy")

_SHAPE = (3, 32, 32)  # channels first, as stored
_PIXELS = 3 * 32 * 32
_MOST_BYTES = 2**28  # the largest of the published files has 1.6e8


@dataclasses.dataclass(frozen=True)
class _Version:
    """One of the four published layouts.

    label_bytes: of a record of a binary file, of which the last is the label; 0: a pickle.
    label_key, names_key: of the Python version.
    """

    train: tuple[str, ...]
    test: str
    names: str
    label_bytes: int = 0
    label_key: bytes = b""
    names_key: bytes = b""


_VERSIONS = (
    _Version(tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin",
             "batches.meta.txt", label_bytes=1),
    _Version(("train.bin",), "test.bin", "fine_label_names.txt", label_bytes=2),
    _Version(tuple(f"data_batch_{number}" for number in range(1, 6)), "test_batch",
             "batches.meta", label_key=b"labels", names_key=b"label_names"),
    _Version(("train",), "test", "meta", label_key=b"fine_labels", names_key=b"fine_label_names"),
)


def open_cifar(folder: str) -> Source:
    """Opens the files of a folder: a tenth of the training images is `validation`; `test`.

    The classes of CIFAR-100 are the fine ones.

    Raises:
      ValueError: a folder without one of the four sets of files, or a damaged file; in one line.
    """
    version = _version_in(folder)
    names = _class_names(folder, version)
    parts = [_read(folder, name, version, len(names)) for name in version.train]
    train = ArraySplit(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    kept, held_out = stratified_holdout(train.labels, HELD_OUT)
    splits = {"train": train.subset(kept), "validation": train.subset(held_out),
              "test": ArraySplit(*_read(folder, version.test, version, len(names)))}
    return Source("cifar", names, channels=3, splits=splits)


def _version_in(folder: str) -> _Version:
    if not os.path.isdir(folder):
        raise ValueError(f"no folder {folder!r}; expected one with CIFAR's files")
    there = {entry.name for entry in os.scandir(folder) if entry.is_file()}
    for version in _VERSIONS:
        wanted = {*version.train, version.test, version.names}
        if wanted <= there:
            return version
        if missing := sorted(wanted - there) if len(wanted & there) > 1 else []:
            raise ValueError(f"{folder!r} has no {missing[0]}; expected all files of the archive")
    raise ValueError(
        f"no files of CIFAR in {folder!r}; expected data_batch_1.bin ... or data_batch_1 ..., of "
        "CIFAR-100 train.bin or train: unpack the archive and name the folder inside"
    )


def _class_names(folder: str, version: _Version) -> tuple[str, ...]:
    path = os.path.join(folder, version.names)
    if version.label_bytes:
        found = [line for line in _bytes_of(path).decode().splitlines() if line.strip()]
    else:
        found = [name.decode() for name in _unpickled(path).get(version.names_key, ())]
    if not found:
        raise ValueError(f"{path} has no class names; fetch it again")
    return tuple(found)


def _read(
    folder: str, name: str, version: _Version, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """(images uint8 [N,32,32,3], labels int32 [N]) of one file."""
    path = os.path.join(folder, name)
    if version.label_bytes:
        content = np.frombuffer(_bytes_of(path), np.uint8)
        width = version.label_bytes + _PIXELS
        if content.size % width or not content.size:
            raise ValueError(f"{path} has {content.size} bytes; expected a multiple of {width}: "
                             "it is truncated or damaged, fetch it again")
        records = content.reshape(-1, width)
        pixels, labels = records[:, version.label_bytes:], records[:, version.label_bytes - 1]
    else:
        batch = _unpickled(path)
        pixels = np.asarray(batch.get(b"data"))
        labels = np.asarray(batch.get(version.label_key))
        if (pixels.dtype, pixels.ndim) != (np.uint8, 2) or pixels.shape[1] != _PIXELS \
                or labels.shape != pixels.shape[:1] or labels.dtype.kind != "i":
            raise ValueError(f"{path} holds no images of 32x32 with labels; fetch it again")
    if (worst := int(labels.max())) >= num_classes or labels.min() < 0:
        raise ValueError(f"{path} has the label {worst}, but there are {num_classes} class names")
    images = pixels.reshape(-1, *_SHAPE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels.astype(np.int32)


def _bytes_of(path: str) -> bytes:
    with open(path, "rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{path} has over {_MOST_BYTES} bytes; expected a file of CIFAR")
    return content


class _ArraysOnly(pickle.Unpickler):
    """Knows the three names by which a pickle of Python 2 or 3 builds an array, and no others."""

    def find_class(self, module: str, name: str) -> object:
        known = {
            "_reconstruct": np._core.multiarray._reconstruct, "ndarray": np.ndarray,
            "dtype": np.dtype,
        }
        if module.partition(".")[0] != "numpy" or name not in known:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")
        return known[name]


def _unpickled(path: str) -> dict:
    try:
        found = _ArraysOnly(io.BytesIO(_bytes_of(path)), encoding="bytes").load()
    except (pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, EOFError,
            AttributeError, MemoryError, OverflowError, ImportError) as error:
        raise ValueError(f"{path} is damaged, or no file of CIFAR ({error}); fetch it again") \
            from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds {type(found).__name__}; expected a dictionary")
    return found
