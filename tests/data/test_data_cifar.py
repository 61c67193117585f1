"""cifar:DIR in all four published layouts, written from patches of photographs."""

from __future__ import annotations

import io
import os
import pickle
import struct
import time

import numpy as np
import pytest
from conftest import wrong

from zoo.data import open_source

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
class Python2(pickle._Pickler):
    """Writes bytes as Python 2 wrote its texts, which is what the published files hold."""

    def save_text(self, value: bytes) -> None:
        self.write(b"T" + struct.pack("<I", len(value)) + value)

    dispatch = {**pickle._Pickler.dispatch, bytes: save_text}


def pickled(value: object) -> bytes:
    stream = io.BytesIO()
    Python2(stream, protocol=2).dump(value)
    return stream.getvalue()


FORMS = ("10 binary", "100 binary", "10 python", "100 python")


@pytest.fixture(scope="module")
def patches(photos):
    """uint8 [600,32,32,3], and labels int64 [600] of ten classes."""
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, 395, 600), rng.integers(0, 608, 600)
    images = [photos[i % 2][y : y + 32, x : x + 32]
              for i, (y, x) in enumerate(zip(rows, columns, strict=True))]
    return np.stack(images), np.arange(600) % 10


def write(folder, images, labels, form: str):
    """50 images a file to train on, or 250, and the rest to test on. Returns the folder."""
    folder.mkdir(exist_ok=True)
    flat = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    fine = "100" in form
    names = [f"class_{n}" for n in range(10)] if fine else list(NAMES)
    train = {"train": range(0, 250)} if fine else {
        f"data_batch_{n + 1}": range(50 * n, 50 * (n + 1)) for n in range(5)
    }
    for name, rows in {**train, "test" if fine else "test_batch": range(250, 300)}.items():
        rows = list(rows)
        if "binary" in form:
            heads = [bytes([7] * fine + [labels[row]]) for row in rows]
            data = b"".join(h + flat[row].tobytes() for h, row in zip(heads, rows, strict=True))
            (folder / f"{name}.bin").write_bytes(data)
        else:
            key = b"fine_labels" if fine else b"labels"
            batch = {b"data": flat[rows], key: [int(labels[row]) for row in rows],
                     b"filenames": [b"x.png"] * len(rows), b"batch_label": b"1 of 5"}
            (folder / name).write_bytes(pickled(batch))
    if "binary" in form:
        meta = folder / ("fine_label_names.txt" if fine else "batches.meta.txt")
        meta.write_text("\n".join(names) + "\n\n")
    else:
        key = b"fine_label_names" if fine else b"label_names"
        meta = folder / ("meta" if fine else "batches.meta")
        meta.write_bytes(pickled({key: [n.encode() for n in names]}))
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_all_layouts_hold_the_same_images(tmp_path, patches, form):
    images, labels = patches
    source = open_source(f"cifar:{write(tmp_path / 'set', images, labels, form)}")
    assert source.channels == 3 and len(source.class_names) == 10
    assert source.class_names[3] == ("class_3" if "100" in form else "cat")
    train, held_out, test = (source.splits[name] for name in ("train", "validation", "test"))
    assert (train.num_examples, held_out.num_examples, test.num_examples) == (230, 20, 50)
    np.testing.assert_array_equal(test.images, images[250:300])
    np.testing.assert_array_equal(test.labels, labels[250:300])
    assert test.labels.dtype == np.int32
    kept = np.concatenate([train.images, held_out.images])
    assert {image.tobytes() for image in kept} == {image.tobytes() for image in images[:250]}


def test_what_is_missing_or_damaged_is_told(tmp_path, patches):
    wrong(f"no folder '{tmp_path}/none'; expected one with CIFAR's files", f"cifar:{tmp_path}/none")
    wrong("no files of CIFAR in", f"cifar:{tmp_path}")
    folder = write(tmp_path / "set", *patches, "10 binary")
    batch = folder / "data_batch_3.bin"
    whole = batch.read_bytes()
    batch.write_bytes(whole[:-5])
    wrong("has 153645 bytes; expected a multiple of 3073", f"cifar:{folder}")
    batch.write_bytes(b"\xff" + whole[1:])
    wrong("has the label 255, but there are 10 class names", f"cifar:{folder}")
    batch.unlink()
    wrong("has no data_batch_3.bin; expected all files of the archive", f"cifar:{folder}")


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/it_ran",)


HOSTILE = {
    "code": pickle.dumps({b"data": Evil()}, protocol=3),
    "no pickle": b"<html>", "empty": b"", "a list": pickle.dumps([1]),
    "objects": pickle.dumps({b"data": np.array([[None] * 3072]), b"labels": [1]}, protocol=3),
    "too many labels": pickle.dumps(
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2, 3]}, protocol=3),
    "labels that are texts": pickle.dumps(
        {b"data": np.zeros((1, 3072), np.uint8), b"labels": ["1"]}, protocol=3),
    "negative": pickle.dumps(
        {b"data": np.zeros((1, 3072), np.uint8), b"labels": [-1]}, protocol=3),
    "no labels": pickle.dumps({b"data": np.zeros((0, 3072), np.uint8), b"labels": []}, protocol=3),
    "deep": b"(" * 1_000_000 + b"." , "deep tuples": b")" + b"\x85" * 100_000 + b".",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_strangers_pickle(tmp_path, patches, kind):
    folder = write(tmp_path / "set", *patches, "10 python")
    (folder / "data_batch_2").write_bytes(HOSTILE[kind])
    started = time.monotonic()
    wrong("data_batch_2", f"cifar:{folder}")
    assert time.monotonic() - started < 10 and not os.path.exists("/tmp/it_ran")
