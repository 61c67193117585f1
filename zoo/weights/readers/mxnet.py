"""MXNet's `.params`: a list of arrays, then the list of their names.

All little-endian. The file is uint64 0x112, uint64 0, a list of arrays, a list of names; a list is
a uint64 count and its items; a name is a uint64 length and UTF-8. An array of format 2 is

    uint32 0xF993FAC9   int32 storage type (0: dense)   int32 dimensions   int64 each of them
    int32 device type   int32 device   int32 type of the numbers   the numbers, row by row

Format 1 (0xF993FAC8) has no storage type; format 3 (0xF993FACA) is format 2 in which no dimension
means a scalar, not an array without memory.
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import numpy as np

from zoo.weights.readers import archive, raw
from zoo.weights.readers.raw import Damaged

MAGIC = struct.pack("<QQ", 0x112, 0)
_FORMATS = {0xF993FAC8: 1, 0xF993FAC9: 2, 0xF993FACA: 3}
# By their number in the file.
_DTYPES = (
    "float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool", "int16", "uint16",
    "uint32", "uint64", "bfloat16",
)
_MOST_DIMENSIONS = 32


def parameter_files(names: list[str]) -> list[str]:
    """Those members of a zip archive that are parameters."""
    return [name for name in names if name.endswith(".params")]


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Name (without "arg:", "aux:") -> array: a read-only view of the bytes, or a float32 copy.

    path: a .params file, or a .zip that holds one.

    Raises:
      Damaged: lengths in the file do not agree.
      ValueError: no names, the same name twice, a sparse array, an unknown version.
    """
    if archive.is_zip(path):
        with archive.opened(path) as zipped:
            data = archive.read_member(zipped, parameter_files(zipped.namelist())[0])
    else:
        data = Path(path).read_bytes()
    if not data.startswith(MAGIC):
        raise Damaged(f"got {data[:16]!r} at its start; expected {MAGIC!r}")
    cursor = _Cursor(data, len(MAGIC))
    arrays = [cursor.array() for _ in range(cursor.number("Q"))]
    names = [cursor.text().removeprefix("arg:").removeprefix("aux:")
             for _ in range(cursor.number("Q"))]
    if (behind := len(data) - cursor.position) != 0:
        raise Damaged(f"got {behind} bytes behind the last name; expected none")
    if len(set(names)) != len(names) or len(names) != len(arrays):
        raise ValueError(
            f"got {len(arrays)} arrays with {len(set(names))} different names; expected one each"
        )
    return dict(zip(names, arrays, strict=True))


class _Cursor:
    """Reads one thing after the other; every length is compared with what is left."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def number(self, form: str) -> int:
        return self.numbers(form)[0]

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.position:
            raise Damaged(
                f"got {len(self.data) - self.position} bytes at byte {self.position}; "
                f"expected {length}"
            )
        self.position += length
        return self.data[self.position - length : self.position]

    def text(self) -> str:
        try:
            return self.take(self.number("Q")).decode()
        except UnicodeDecodeError as error:
            raise Damaged(f"a name: {error}") from error

    def array(self) -> np.ndarray:
        magic = self.number("I")
        if magic not in _FORMATS:
            raise ValueError(
                f"got an array of format {magic:#x}; expected one of {[hex(n) for n in _FORMATS]}"
            )
        form = _FORMATS[magic]
        if form > 1 and (storage := self.number("i")) != 0:
            raise ValueError(f"got an array of storage type {storage}; expected 0, a dense one")
        dimensions = self.number("i")
        if not (1 if form < 3 else 0) <= dimensions <= _MOST_DIMENSIONS:
            raise Damaged(f"got an array of {dimensions} dimensions")
        shape = self.numbers(f"{dimensions}q")
        _, _, dtype = self.numbers("iii")
        if min(shape, default=0) < 0 or not 0 <= dtype < len(_DTYPES):
            raise Damaged(f"got an array of shape {shape} and type {dtype}")
        values = raw.array(self.data, _DTYPES[dtype], math.prod(shape), self.position)
        self.position += math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize
        return values.reshape(shape)
