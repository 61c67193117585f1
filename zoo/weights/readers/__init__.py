"""Reads tensors out of weight files, without the library that wrote them.

What a file is tells its content, not its name. Nothing in a file is run, unpacked to disk or
followed elsewhere, and what it says of its lengths must fit into it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zoo.weights.readers import archive, keras3, keras_h5, mxnet, pytorch, safetensors
from zoo.weights.readers.raw import Damaged

_READERS = {
    "safetensors": safetensors.read,
    "mxnet": mxnet.read,
    "keras_h5": keras_h5.read,
}
# Keras 3's own formats, whose variables only the model can name.
_KERAS = ("keras", "keras_weights")
_EXPECTED = (
    "a file of weights: .safetensors, PyTorch's .pth, MXNet's .params (also in a .zip), Keras' .h5"
)
# What comes instead of the file that was asked for, by what its beginning holds.
_INSTEAD = {
    b"<!doctype html": "this is an HTML page", b"<html": "this is an HTML page",
    b"<?xml": "this is an XML page",
    b"version https://git-lfs": "this is a Git LFS pointer, which says where the file is",
}


def kind_of(path: str | os.PathLike[str]) -> str:
    """What the file is, by its content.

    path: with #KEY behind the name of a file of several dictionaries of tensors, see `split_key`.

    Returns "safetensors", "pytorch", "mxnet", "keras_h5" (a legacy .h5 whose weights are named by
    layer), "keras_weights" (Keras 3's .weights.h5) or "keras" (a .keras archive).

    Raises:
      OSError: there is no such file, or it may not be read.
      ValueError: a folder, an empty file, an HTML page, anything else; in one line.
    """
    file, key = split_key(path)
    with _errors_name(path):
        kind = _kind(file)
        if key and kind != "pytorch":
            raise ValueError(f"got #{key} behind a file of kind {kind!r}, which has one dictionary "
                             "of tensors; expected its name alone")
        return kind


def split_key(path: str | os.PathLike[str]) -> tuple[Path, str]:
    """The file, and which of its dictionaries of tensors: FILE#KEY, where that is no file's name.

    KEY has "/" between the keys on the way, as in checkpoint.pth#model/ema.
    """
    path = Path(path)
    name, mark, key = str(path).partition("#")
    return (path, "") if not mark or path.exists() else (Path(name), key)


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Name -> array, both as the file has them; float16 and bfloat16 become float32.

    .safetensors, PyTorch's state dicts (alone or in a checkpoint, see `state_dict`), MXNet's
    .params (alone, or the only one of a .zip; without "arg:", "aux:") and legacy Keras .h5
    ("LAYER/VARIABLE", see `keras_h5`). Do not write to the arrays: some are read-only, and some
    share memory.

    Raises:
      OSError: there is no such file, or it may not be read.
      ValueError: what it is instead, what in it is damaged, or why Keras has to load it; one line.
    """
    kind = kind_of(path)
    with _errors_name(path):
        if kind in _KERAS:
            raise ValueError(
                "got Keras' own format, whose variables only their model can name; expected "
                "zoo.create_model(NAME, weights=path)"
            )
        file, key = split_key(path)
        tensors = pytorch.read(file, key) if kind == "pytorch" else _READERS[kind](file)
        if not tensors:
            raise ValueError("got no tensor in it; expected at least one")
        return tensors


def read_layers(path: str | os.PathLike[str]) -> dict[str, list[np.ndarray]]:
    """Layer -> its variables, of a .keras or .weights.h5 file; see `keras3.read_layers`.

    Raises:
      OSError: there is no such file, or it may not be read.
      ValueError: another kind of file, or what in it is damaged; one line.
    """
    kind = kind_of(path)
    with _errors_name(path):
        if kind not in _KERAS:
            raise ValueError(f"got a file of kind {kind!r}; expected one of {list(_KERAS)}")
        return keras3.read_layers(path)


@contextlib.contextmanager
def _errors_name(path: str | os.PathLike[str]) -> Iterator[None]:
    """Puts the path into ValueErrors, and what libraries say on one line."""
    try:
        yield
    except ValueError as error:
        message = " ".join(str(error).split())
        if isinstance(error, Damaged):
            message = f"truncated or damaged ({message}); download it again"
        raise ValueError(f"{os.fspath(path)}: {message}") from error


def _kind(path: Path) -> str:
    path.stat()  # its error says best that there is no such file
    if not path.is_file():
        raise ValueError(f"got a folder or a device; expected {_EXPECTED}")
    with path.open("rb") as file:
        head = file.read(1024)
    if not head:
        raise ValueError(f"got an empty file; expected {_EXPECTED}")
    if archive.is_zip(path):
        return _kind_of_zip(path)
    if head.startswith(keras_h5.MAGIC):
        return keras_h5.kind(path)
    if head.startswith(mxnet.MAGIC):
        return "mxnet"
    if pytorch.LEGACY_MAGIC in head[:32]:
        return "pytorch"
    if safetensors.is_header(head):
        return "safetensors"
    for mark, what in _INSTEAD.items():
        if mark in head.lower():
            raise ValueError(f"{what}; expected {_EXPECTED}")
    raise ValueError(f"got a file that begins with {head[:16]!r}; expected {_EXPECTED}")


def _kind_of_zip(path: Path) -> str:
    with archive.opened(path) as zipped:
        names = zipped.namelist()
    if pytorch.pickles(names):
        return "pytorch"
    if "config.json" in names and "metadata.json" in names:
        return "keras"
    if len(mxnet.parameter_files(names)) == 1:
        return "mxnet"
    raise ValueError(f"got a zip archive of {names!s:.80}; expected one with a single .params")
