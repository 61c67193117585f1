"""How readers refuse hostile and broken files: in one line, with nothing run or written."""

from __future__ import annotations

import os
import pickle
import struct
import time
import zipfile
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from weight_files import (
    FILES,
    GOOD,
    VALUES,
    assert_equal,
    call,
    dict_of,
    mxnet_file,
    number,
    refused,
    tensor,
    text,
    tuple_of,
    write_h5,
    write_legacy,
    write_zip,
)

from zoo.weights.readers import kind_of, read_tensors


class Bomb:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


HOSTILE = {
    "reduce": lambda run: (call("posix system", text(run)), "posix.system"),
    "eval": lambda run: (call("builtins eval", text(f"__import__('os').system({run!r})")),
                         "builtins.eval"),
    "instance": lambda run: (b"(" + text(run) + b"iposix\nsystem\n", "posix.system"),
    "object": lambda run: (b"(cposix\nsystem\n" + text(run) + b"o", "posix.system"),
    "stack global": lambda run: (text("posix") + text("system") + b"\x93" + tuple_of(text(run))
                                 + b"R", "posix.system"),
    "__reduce__": lambda run: (pickle.dumps([{"a": Bomb(run)}], 2)[2:-1], "posix.system"),
}


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize("nest", [lambda x: x, lambda x: dict_of(a=GOOD, state_dict=dict_of(b=x))])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_pickle_runs_a_command(tmp_path, write, nest, name):
    marker = tmp_path / "ran"
    value, class_name = HOSTILE[name](f"touch {marker}")
    pickle.loads(b"\x80\x04" + value + b".")
    assert marker.exists()  # the pickle does what it is made for
    marker.unlink()
    refused(write(tmp_path / "x.pth", nest(value)), repr(class_name), "state_dict()")
    assert not marker.exists()


@pytest.mark.parametrize("name", [
    "torch.hub load", "torch._utils _import_dotted_name", "torch.storage _load_from_bytes",
    "torch._utils _rebuild_tensor_v2.__globals__", "torchvision.models.resnet ResNet",
])
def test_only_known_names_of_torch_are_found(tmp_path, name):
    refused(write_zip(tmp_path / "x.pth", call(name, text("x"))), repr(name.replace(" ", ".")))


@pytest.mark.parametrize("name", ["torch._utils _rebuild_tensor_v2", "collections OrderedDict"])
@pytest.mark.parametrize("state", [dict_of(x=number(1)),
                                   tuple_of(b"N", dict_of(function=b"N", __call__=b"N"))])
def test_a_pickle_changes_nothing_of_the_reader(tmp_path, name, state):
    change = b"c" + name.replace(" ", "\n").encode() + b"\n" + state + b"b"
    refused(write_zip(tmp_path / "x.pth", dict_of(a=change)))
    assert_equal(read_tensors(write_zip(tmp_path / "y.pth", dict_of(a=GOOD))),
                 {"a": VALUES.reshape(3, 4)})


@pytest.mark.parametrize(("value", "word"), [
    (tensor((3, 4), (4, 1), offset=1), "number 13"),
    (tensor((3, 5), (5, 1)), "(3, 5)"),
    (tensor((4, 4), (0, 1)), "(4, 4)"),
    (tensor((3, -4), (4, 1)), "counts"),
    (tensor((3, 4), (-4, 1)), "counts"),
    (tensor((3, 4), (4, 1), offset=-1), "counts"),
    (tensor((3, 4), (4,)), "counts"),
    (tensor((2**62, 2**62), (1, 1)), "expected at most 12"),
    (tensor((3,), (1,), count=2**60), "damaged"),
    (tensor((3,), (1,), count=-1), "storage"),
    (tensor((3,), (1,), count=13), "damaged"),
    (tensor((3,), (1,), count=3), "damaged"),
    (tensor((3,), (1,), storage="torch DoubleStorage"), "damaged"),
    (tensor((3,), (1,), storage="torch QInt8Storage"), "torch.QInt8Storage"),
    (tensor((3,), (1,), key="1"), "damaged"),
    (tensor((3,), (1,), key="../../x"), "damaged"),
    (call("torch._utils _rebuild_tensor_v2", text("x"), *map(number, (0, 1, 1))), "damaged"),
    (b"Nr\xff\xff\xff\x7f", ": "),  # a memo of 2**31 entries, had it a place for each
    (tensor((True, 3), (3, 1)).replace(number(True), b"\x88"), "counts"),
    (tensor((3,), (1,), count=True).replace(number(True), b"\x88"), "storage"),
    (tensor((2**63,), (0,)), "counts"),
    (b"\x8e" + struct.pack("<Q", 2**40), "pickle"),  # bytes of that length
])
@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_wrong_numbers_in_a_pickle(tmp_path, write, value, word):
    refused(write(tmp_path / "x.pth", dict_of(a=value)), word)


def nested(depth: int) -> bytes:
    return b")" + b"\x85" * depth


def doubled(times: int) -> bytes:
    return b")" + b"2\x86" * times  # t = (t, t), of one object


LONG = b"\x8b" + struct.pack("<i", 10**6) + b"\x01" * 10**6
# What may hang, overflow the stack or fill the memory: the values of a dict, and a word of why.
ENDLESS = {
    "deep key": (nested(200_000) + b"N", "key of type tuple"),
    "doubled key": (doubled(60) + b"N", "key of type tuple"),
    "deep value": (text("a") + nested(200_000), "no state dict"),
    "deep dict": (text("a") + (b"}" + text("a")) * 20_000 + b"N" + b"s" * 20_000, "no state dict"),
    "long key": (LONG + b"N", "key of type int"),
    "long sizes": (text("a") + LONG + b"q\x01" + call(
        "torch._utils _rebuild_tensor_v2", GOOD, b"h\x01", tuple_of(*[b"h\x01"] * 64),
        tuple_of(*[b"h\x01"] * 64), b"\x89", b"}").replace(GOOD, b"N"), "counts"),
    "set": (text("a") + b"\x8f(" + doubled(60) + b"\x90", "no state dict"),
    "frozenset": (text("a") + b"(" + doubled(60) + b"\x91", "no state dict"),
    "old dict": (text("a") + b"(" + doubled(60) + b"Nd", "key of type tuple"),
    "pairs": (text("a") + call("collections OrderedDict", b"](" + tuple_of(doubled(60), b"N")
                               + b"e"), "key of type tuple"),
    "many pairs again": (text("a") + b"](" + tuple_of(text("b"), b"N") * 10**5 + b"eq\x01" + (
        b"0ccollections\nOrderedDict\nh\x01\x85R") * 2000, "no state dict"),
    "many arguments": (text("a") + tuple_of(*[b"N"] * 10**5) + b"q\x010" + (
        b"ctorch\ndevice\nh\x01R0") * 10 + b"N", "100000 arguments"),
    "arguments by name": (text("a") + b"ccollections\nOrderedDict\n)}\x92", "by name"),
    "views": (b"".join(text(str(n)) + GOOD for n in range(5)), "at most 4 times"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_pickle_takes_no_more_than_its_own_length(tmp_path, name):
    items, word = ENDLESS[name]
    path = write_zip(tmp_path / "x.pth", b"}(" + items + b"u")
    begin = time.monotonic()
    refused(path, word)
    assert time.monotonic() - begin < 10  # some would take years


def test_other_checkpoints_are_refused(tmp_path):
    path = tmp_path / "x.pth"
    good = dict_of(a=GOOD)
    refused(write_zip(path, good, byteorder=b"big"), "big-endian")
    refused(write_legacy(path, good, little_endian=False), "big-endian")
    refused(write_legacy(path, good, count=-1), "-1")
    refused(write_zip(path, good, **{"constants.pkl": b"."}), "TorchScript")
    refused(write_zip(path, number(3)), "state dict")
    refused(write_zip(path, dict_of(b=text("x"))), "state dict")
    refused(write_zip(path, dict_of()), "state dict")
    path.write_bytes(pickle.dumps({"a": 1}))
    refused(path, "begins with", ".pth")


def test_members_that_hold_one_another_are_refused(tmp_path):
    path = write_zip(tmp_path / "x.pth", dict_of(a=GOOD), x=bytes(1000))
    with zipfile.ZipFile(path, "a") as archive:
        info = archive.getinfo("archive/data/0")
        start = info.header_offset + 30 + len(info.filename)
        inside = path.read_bytes()[start : archive.start_dir]
        info.file_size = info.compress_size = len(inside)
        info.CRC = zlib.crc32(inside)
        archive.writestr("y", b"")
    refused(path, "longer than the archive")


def test_archives_that_grow_are_refused(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net.params", bytes(2**24))
    refused(path, "would grow", "16777216")


def test_archives_of_many_members_that_grow_are_refused(tmp_path):
    """Each of them is small enough to be let in alone."""
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + dict_of(a=GOOD) + b".")
        for number_of in range(40):
            archive.writestr(f"archive/data/{number_of}", bytes(2**20))
    refused(path, "it would grow", "at most 20 times")


@pytest.mark.parametrize("members", [
    ["net.params"], ["archive/data.pkl", "archive/data/0"], ["config.json", "metadata.json"],
])
@pytest.mark.parametrize("method", [0, 99])  # 99: encrypted by AES
def test_archives_with_a_password_are_told(tmp_path, members, method):
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, bytes(40))
    written = bytearray(path.read_bytes())
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := written.find(start, at + 1)) >= 0:
            struct.pack_into("<HH", written, at + flags, 1, method)
    path.write_bytes(written)
    refused(path, "got a zip archive with a password; expected one without")


@pytest.mark.parametrize(("changes", "word"), [
    ({"magic": 0xF993FAC7}, "0xf993fac7"), ({"storage": 1}, "storage type 1"),
    ({"shape": (-3,)}, "(-3,)"), ({"shape": (2**62, 2**62)}, "damaged"), ({"shape": ()}, "0 dim"),
    ({"shape": (1,) * 33}, "33"), ({"dtype": 13}, "type 13"), ({"dtype": 1}, "damaged"),
    ({"arrays": 2**63}, "0x1"), ({"arrays": 0}, "damaged"), ({"names": ()}, "1 arrays with 0"),
    ({"arrays": 2, "written": 2, "names": (b"arg:a", b"aux:a")}, "2 arrays with 1"),
    ({"names": (b"\xff",)}, "utf-8"),
])
def test_wrong_numbers_in_mxnet_files(tmp_path, changes, word):
    path = tmp_path / "x.params"
    path.write_bytes(mxnet_file())
    assert_equal(read_tensors(path), {"a": VALUES[:3]})
    path.write_bytes(mxnet_file(**changes))
    refused(path, word)
    path.write_bytes(mxnet_file() + b"x")
    refused(path, "1 bytes behind")




def link_to(target):
    def fill(group, name):
        group[name] = target
    return fill


HOSTILE_H5 = {
    "external link": (link_to(h5py.ExternalLink(FILES / "keras2.h5", "/block1_conv1")), "link"),
    "soft link": (link_to(h5py.SoftLink("/a")), "link"),
    "external data": (lambda group, name: group.create_dataset(
        name, (4,), "f4", external=[(str(FILES / "zip.pth"), 0, 16)]), "another file"),
    "compressed": (lambda group, name: group.create_dataset(
        name, data=np.zeros(10**6), compression="gzip"), "compressed"),
    "never written": (lambda group, name: group.create_dataset(name, (4,), "f4"), "has 0 bytes"),
    "huge": (lambda group, name: group.create_dataset(name, (10**12,), "f4"), "has 0 bytes"),
    "text": (lambda group, name: group.create_dataset(name, data=np.array([b"x"])), "damaged"),
    "empty": (lambda group, name: group.create_dataset(name, data=h5py.Empty("f4")), "damaged"),
    "a group": (lambda group, name: group.create_group(name), "is a Group"),
    "nothing": (lambda group, name: None, "got no"),
    "twice": (lambda group, name: (
        group.create_dataset(name, data=VALUES), group.attrs.__setitem__(
            "weight_names", np.array([b"a_W_1:0", b"a_W_1:0"]))), "twice"),
    "one dataset for two": (lambda group, name: (
        group.create_dataset(name, data=np.zeros(10**4)), group.__setitem__("b", group[name]),
        group.attrs.__setitem__("weight_names", np.array([b"a_W_1:0", b"b"]))), "longer than"),
    "numbers for names": (
        lambda group, name: group.attrs.__setitem__("weight_names", VALUES), "list of names"),
    "no names": (lambda group, name: group.attrs.__delitem__("weight_names"), "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE_H5)
def test_hostile_h5(tmp_path, name):
    fill, word = HOSTILE_H5[name]
    refused(write_h5(tmp_path / "x.h5", fill), word)


def test_other_h5_files(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["model_weights"] = h5py.ExternalLink(FILES / "keras2.h5", "/")
        file["pixels"] = VALUES
    refused(path, "'pixels'", "Keras")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([])
    refused(path, "no tensor")


@pytest.mark.parametrize(("content", "words"), [
    (b"", ["an empty file", ".safetensors"]),
    (b"\n<!DOCTYPE html><html><body>404</body></html>", ["this is an HTML page", ".pth"]),
    (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', ["this is an XML page"]),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", ["Git LFS"]),
    (b"\x00\x01\x02", [r"b'\x00\x01\x02'", ".params"]),
    (b'{"code":{"text": "not found"}}', ["begins with"]),
    (struct.pack("<Q", 2**40) + b"{}", ["begins with"]),
    (struct.pack("<Q", 2) + b"{}", ["no tensor"]),
    (struct.pack("<Q", 100) + b'{"a": 1}', ["damaged", "download it again"]),
    (struct.pack("<Q", 25) + rb'{"a": {"dtype": "F\n32"}}', ["`F 32`"]),  # it quotes the line break
    (b"PK\x05\x06" + bytes(18), ["begins with"]),
    (b"PK\x03\x04" + bytes(100), ["damaged", "download it again"]),
])
@pytest.mark.parametrize("suffix", [".pth", ".h5"])
def test_what_is_no_weight_file(tmp_path, content, words, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    refused(path, *words)


def test_folders_and_missing_files(tmp_path):
    refused(tmp_path, "a folder", ".safetensors")
    with pytest.raises(FileNotFoundError, match=r"^\[Errno 2\] No such file.*nothing\.pth'$"):
        read_tensors(tmp_path / "nothing.pth")
    with pytest.raises(ValueError, match="a folder"):
        kind_of(tmp_path)


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """One whole file of each format."""
    folder = tmp_path_factory.mktemp("whole")
    save_file({"a": VALUES.reshape(3, 4), "half": VALUES.astype("f2")}, folder / "x.safetensors")
    with zipfile.ZipFile(folder / "net.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(FILES / "arrays.params", "arrays.params")
    paths = [folder / "x.safetensors", folder / "net.zip"]
    paths += [FILES / name for name in ("zip.pth", "legacy.pth", "arrays.params", "keras2.h5")]
    return {path.name: path.read_bytes() for path in paths}


NAMES = ["x.safetensors", "net.zip", "zip.pth", "legacy.pth", "arrays.params", "keras2.h5"]


@pytest.mark.parametrize("name", NAMES)
def test_truncated_files(tmp_path, wholes, name):
    whole, path = wholes[name], tmp_path / "x"
    lengths = {*range(0, len(whole), len(whole) // 100 + 1), *range(len(whole) - 30, len(whole))}
    for length in lengths:
        path.write_bytes(whole[:length])
        refused(path)
    path.write_bytes(whole)
    assert read_tensors(path)


@settings(max_examples=150)
@given(st.sampled_from(NAMES), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_a_wrong_byte(tmp_path_factory, wholes, name, place, difference):
    """One line of error, or arrays: a name or a value may be another one."""
    damaged = bytearray(wholes[name])
    damaged[int(place * len(damaged))] ^= difference
    path = tmp_path_factory.getbasetemp() / "wrong_byte"
    path.write_bytes(damaged)
    try:
        tensors = read_tensors(path)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert sum(value.size for value in tensors.values()) <= len(damaged)


def test_a_heap_of_names_on_which_hdf5_hangs(tmp_path, wholes):
    damaged = bytearray(wholes["keras2.h5"])
    start = damaged.index(b"GCOL")
    for place in (start + 8, start + 24, damaged.index(b"predictions", start) - 8):
        path = tmp_path / f"{place}.h5"
        path.write_bytes(damaged[:place] + b"\xeb" + damaged[place + 1 :])
        refused(path, "heap of strings")
