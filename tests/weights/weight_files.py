"""Weight files written byte by byte, so that they may be hostile, and how readers answer."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from zoo.weights.readers import read_tensors

FILES = Path(__file__).parent / "files"
VALUES = np.arange(12, dtype="<f4")


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def call(name: str, *arguments: bytes) -> bytes:
    """Pickle's opcodes for a call of module.name."""
    return b"c" + name.replace(" ", "\n").encode() + b"\n" + tuple_of(*arguments) + b"R"


def tensor(size, stride, offset=0, count=12, key="0", storage="torch FloatStorage") -> bytes:
    pid = tuple_of(text("storage"), b"c" + storage.replace(" ", "\n").encode() + b"\n", text(key),
                   text("cpu"), number(count)) + b"Q"
    return call("torch._utils _rebuild_tensor_v2", pid, number(offset),
                tuple_of(*map(number, size)), tuple_of(*map(number, stride)), b"\x89", b"}")


def dict_of(**items: bytes) -> bytes:
    return b"}(" + b"".join(text(name) + value for name, value in items.items()) + b"u"


GOOD = tensor((3, 4), (4, 1))


def write_zip(path: Path, value: bytes, **members: bytes) -> Path:
    members = {"data.pkl": b"\x80\x02" + value + b".", "data/0": VALUES.tobytes(), **members}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)
    return path


def write_legacy(path: Path, value: bytes, little_endian=True, count=12) -> Path:
    header = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": little_endian})
    with open(path, "wb") as file:
        for item in header:
            pickle.dump(item, file, protocol=2)
        file.write(b"\x80\x02" + value + b".")
        pickle.dump(["0"], file, protocol=2)
        file.write(struct.pack("<q", count) + VALUES.tobytes())
    return path


def write_h5(path: Path, fill) -> Path:
    """One layer `a` with one weight, names of fixed lengths as h5py 2 wrote them."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"a"])
        group = file.create_group("a")
        group.attrs["weight_names"] = np.array([b"a_W_1:0"])
        fill(group, "a_W_1:0")
    return path


def mxnet_file(
    magic=0xF993FAC9, storage=0, shape=(3,), dtype=0, arrays=1, written=1, names=(b"a",)
) -> bytes:
    array = struct.pack(f"<Iii{len(shape)}qiii", magic, storage, len(shape), *shape, 1, 0, dtype)
    listed = b"".join(struct.pack("<Q", len(name)) + name for name in names)
    return (struct.pack("<QQQ", 0x112, 0, arrays) + (array + VALUES[:3].tobytes()) * written
            + struct.pack("<Q", len(names)) + listed)


def refused(path, *words) -> str:
    """The one line of the ValueError."""
    with pytest.raises(ValueError) as caught:
        read_tensors(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    for word in words:
        assert word in message
    return message


def assert_equal(tensors, expected):
    assert tensors.keys() == expected.keys()
    for name, value in expected.items():
        assert tensors[name].dtype == value.dtype, name
        np.testing.assert_array_equal(tensors[name], value, err_msg=name, strict=True)
