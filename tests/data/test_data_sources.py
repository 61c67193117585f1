"""IDX files, folders and synthetic images: what they give, and every way they can be wrong."""

from __future__ import annotations

import gzip
import os
import shutil
import struct
import tracemalloc

import numpy as np
import pytest
from conftest import NAMES, labels_of, write_folder, write_idx, wrong

from zoo.data import ArraySplit, RaggedSplit, open_source
from zoo.progress import with_progress

# IDX


@pytest.mark.parametrize("form", [
    {}, {"suffix": ""}, {"dot": ".", "suffix": ""}, {"dot": "."}, {"prefix": "kmnist-"},
])
def test_idx_in_all_namings(tmp_path, digits, form):
    source = open_source(f"idx:{write_idx(tmp_path, digits, **form)}")
    counts = {name: split.num_examples for name, split in source.splits.items()}
    assert counts == {"train": 110, "validation": 10, "test": 20}
    assert source.channels == 1 and source.class_names == tuple("0123456789")
    want = np.concatenate([digits[0][digits[1] == label][12:14] for label in range(10)])
    np.testing.assert_array_equal(source.splits["test"].images, want)
    assert source.splits["test"].labels.tolist() == np.repeat(np.arange(10), 2).tolist()


def test_emnist_is_turned_upright_and_named(tmp_path, digits):
    """EMNIST letters: transposed images, labels from 1, a file of the characters."""
    write_idx(tmp_path, digits, prefix="emnist-letters-", transpose=True, first=1)
    lines = [f"{label} {64 + label} {96 + label}" for label in range(1, 11)]
    (tmp_path / "emnist-letters-mapping.txt").write_text("\n".join(lines) + "\n")
    source = open_source(f"idx:{tmp_path}")
    assert source.class_names == tuple("Aa Bb Cc Dd Ee Ff Gg Hh Ii Jj".split())
    want = np.concatenate([digits[0][digits[1] == label][12:14] for label in range(10)])
    np.testing.assert_array_equal(source.splits["test"].images, want)
    assert source.splits["test"].labels.max() == 9 and source.splits["test"].labels.min() == 0
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65\n")
    wrong("has no line for label 2", f"idx:{tmp_path}")


def test_names_of_files_need_not_be_utf_8(tmp_path, digits):
    write_folder(tmp_path, digits)
    first = min((tmp_path / "train" / NAMES[0]).iterdir())
    latin = first.with_name(os.fsdecode(b"caf\xe9.png"))
    first.rename(latin)
    split = open_source(f"folder:{tmp_path}", cache_mb=0).splits["train"]
    row = list(split.paths).index(str(latin))
    assert split.example(row)[0].numpy() == latin.read_bytes()
    latin.write_bytes(b"\x89PNG damaged")
    (bad,) = open_source(f"folder:{tmp_path}", on_bad_image="skip").skipped
    assert bad.name == str(latin)


def test_one_of_several_idx_sets(tmp_path, digits):
    write_idx(tmp_path, digits, prefix="emnist-digits-", transpose=True)
    write_idx(tmp_path, digits, prefix="emnist-mnist-", transpose=True)
    wrong("several data sets in", f"idx:{tmp_path}")
    source = open_source(f"idx:{tmp_path},set=emnist-digits")
    assert source.splits["test"].num_examples == 20
    wrong("no IDX files of the set 'emnist-letters'", f"idx:{tmp_path},set=emnist-letters")


def test_wrong_idx_files(tmp_path, digits):
    wrong(f"no folder '{tmp_path}/none'", f"idx:{tmp_path}/none")
    wrong("no IDX files in", f"idx:{tmp_path}")
    write_idx(tmp_path, digits)
    images = tmp_path / "train-images-idx3-ubyte.gz"
    labels = tmp_path / "train-labels-idx1-ubyte.gz"
    good = images.read_bytes()

    def with_images(content: bytes, message: str) -> None:
        images.write_bytes(content)
        wrong(message, f"idx:{tmp_path}")
        images.write_bytes(good)

    with_images(good[:2000], f"{images} cannot be read (Compressed file ended")
    with_images(good[:300] + b"\0" * 50 + good[350:], f"{images} cannot be read (Error")
    with_images(b"", f"{images} is no IDX file of 3 dimensions, got an empty file")
    plain = gzip.decompress(good)
    with_images(plain[:-1], f"{images} has 94079 bytes of data, its header says (120, 28, 28)")
    with_images(plain + b"\0", f"{images} has over 94080 bytes of data, its header says")
    with_images(labels.read_bytes(), f"{images} is no IDX file of 3 dimensions, got 2049")
    with_images((tmp_path / "t10k-images-idx3-ubyte.gz").read_bytes(), "20 images, ")
    with_images(plain[:4] + b"\xff" * 12 + plain[16:], "more than they can hold; it is truncated")
    with_images(plain[:10], f"{images} is no IDX file of 3 dimensions, got 2051 at its start")
    labels.rename(tmp_path / "aside")
    wrong("expected train-labels-idx1-ubyte[.gz]", f"idx:{tmp_path}")
    (tmp_path / "aside").rename(labels)
    test_labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    content = gzip.decompress(test_labels.read_bytes())
    test_labels.write_bytes(content[:-1] + b"\x0b")
    wrong(f"{test_labels} has label 11, which no training example has", f"idx:{tmp_path}")


def test_idx_files_without_end(tmp_path, digits):
    """What is read is bounded by the header, and that by the length of the file."""
    write_idx(tmp_path, digits)
    images = tmp_path / "train-images-idx3-ubyte.gz"
    start = gzip.decompress(images.read_bytes())[:4]
    for shape, message in (
        ((1_000_000, 28, 28), "more than they can hold"),  # a gzip bomb that says so
        ((120, 28, 28), "has over 94080 bytes of data"),  # one that does not
    ):
        with gzip.open(images, "wb") as file:
            file.write(start + struct.pack(">3I", *shape))
            for _ in range(200):
                file.write(bytes(1 << 20))
        tracemalloc.start()
        wrong(message, f"idx:{tmp_path}")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
        tracemalloc.stop()
    for number in range(2):
        images.unlink()
        os.mkfifo(images) if number else images.symlink_to("/dev/zero")
        wrong(f"{images} is no regular file; expected an IDX file", f"idx:{tmp_path}")


def test_a_relative_place_is_looked_for_in_data_dir(tmp_path, digits):
    (tmp_path / "mnist").mkdir()
    write_idx(tmp_path / "mnist", digits)
    assert open_source("idx:mnist", data_dir=str(tmp_path)).splits["test"].num_examples == 20


# Folders


def test_folder_with_all_formats_and_cases(tmp_path, digits):
    write_folder(tmp_path, digits, splits=("train", "validation", "test"))
    (tmp_path / "train/zero/0.jpeg").rename(tmp_path / "train/zero/0.JPG")
    (tmp_path / "validation").rename(tmp_path / "val")
    (tmp_path / "train/zero/.hidden.jpg").write_bytes(b"")
    (tmp_path / "train/zero/notes.txt").write_text("no image")
    source = open_source(f"folder:{tmp_path}")
    assert source.class_names == tuple(sorted(NAMES)) and source.channels == 3
    counts = {name: split.num_examples for name, split in source.splits.items()}
    assert counts == {"train": 70, "validation": 30, "test": 20}
    assert labels_of(source.splits["validation"]) == np.repeat(np.arange(10), 3).tolist()
    assert isinstance(source.splits["train"], RaggedSplit)


def test_a_cached_folder_of_one_size_is_one_array(tmp_path, digits):
    write_folder(tmp_path, digits, one_size=True)
    split = open_source(f"folder:{tmp_path}").splits["train"]
    assert isinstance(split, ArraySplit) and split.images.shape == (70, 40, 40, 3)


def test_a_folder_over_the_cache_is_not_decoded(tmp_path, digits):
    write_folder(tmp_path, digits, one_size=True)  # 100 images of 4,800 bytes: 0.46 MiB
    assert not open_source(f"folder:{tmp_path}", cache_mb=1).splits["train"].encoded
    large = open_source(f"folder:{tmp_path}", cache_mb=0).splits["train"]
    assert large.encoded


def test_wrong_folders(tmp_path, digits):
    wrong("no folder ", f"folder:{tmp_path}/none")
    wrong("has no train/; move the images", f"folder:{tmp_path}")
    (tmp_path / "train").mkdir()
    wrong("has no validation/; move the images", f"folder:{tmp_path}")
    (tmp_path / "validation").mkdir()
    wrong("has no class folders; expected", f"folder:{tmp_path}")
    shutil.rmtree(tmp_path / "train")
    shutil.rmtree(tmp_path / "validation")
    write_folder(tmp_path, digits)
    (tmp_path / "val").mkdir()
    wrong("has both validation/ and val/; remove one", f"folder:{tmp_path}")
    (tmp_path / "val").rmdir()
    (tmp_path / "train/ten").mkdir()
    wrong("class 'ten' is in ", f"folder:{tmp_path}")
    (tmp_path / "validation/ten").mkdir()
    wrong("train/ten' has no images; expected files as *.jpg, *.jpeg, ", f"folder:{tmp_path}")
    shutil.rmtree(tmp_path / "train/ten")
    wrong(f"class 'ten' is in '{tmp_path}/validation' but not in '{tmp_path}/train'",
          f"folder:{tmp_path}")


# Synthetic images


def test_synthetic_images_can_be_learnt():
    source = open_source("synthetic:size=20,classes=5,count=100,channels=1")
    train, validation = source.splits["train"], source.splits["validation"]
    assert train.images.shape == (100, 20, 20, 1) and validation.num_examples == 25
    again = open_source("synthetic:size=20,classes=5,count=100,channels=1")
    np.testing.assert_array_equal(train.images, again.splits["train"].images)
    means = np.stack([train.images[train.labels == k].mean(axis=0) for k in range(5)])
    gaps = ((validation.images[:, None] - means) ** 2).sum(axis=(2, 3, 4))
    assert (gaps.argmin(axis=1) == validation.labels).all()
    assert train.images.std(axis=(1, 2, 3)).min() > 20


def test_wrong_synthetic_images():
    wrong("count too small, got 5; expected at least classes=10", "synthetic:count=5")
    wrong("expected at most 4096", "synthetic:size=5000,count=1000")


def test_progress_is_shown_of_long_waits_only(capsys, monkeypatch):
    assert list(with_progress(range(3), 3, "short")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("zoo.progress._SILENT_SECONDS", 0.0)
    assert list(with_progress(range(3), 3, "long")) == [0, 1, 2]
    assert capsys.readouterr().err == "long: 0/3\nlong: 3 in 0 s\n"
