"""What a data set is known again by: each change shows, a move does not."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from conftest import NAMES, write_folder, write_records

from zoo.data import ArraySplit, FileSplit, RaggedSplit, contents, contents_of, open_source


def of(spec: str, **options) -> dict:
    return contents_of(open_source(spec, **options).as_opened)


def test_counts_and_digests_of_arrays(tmp_path):
    found = of("mnist5k")
    assert {split: about["images"] for split, about in found.items()} == {
        "train": 4000, "validation": 1000
    }
    assert found == of("mnist5k", train_images=100)  # what the recipe says is in the recipe
    assert len({about["digest"] for about in found.values()}) == 2
    images, labels = np.zeros((4, 2, 2, 1), np.uint8), np.arange(4, dtype=np.int32)
    ragged = RaggedSplit(images.ravel(), np.arange(0, 16, 4), np.full((4, 3), (2, 2, 1)), labels)
    for split in (ArraySplit(images, labels), ragged):
        digest = contents_of({"train": split})["train"]["digest"]
        other = split.subset(np.array([0, 1, 3, 2]))
        assert contents_of({"train": other})["train"]["digest"] != digest
    other = ArraySplit(images.reshape(4, 4, 1, 1), labels)
    assert contents_of({"x": other}) != contents_of({"x": ArraySplit(images, labels)})


def rename(folder):
    (folder / "train/one/0.jpeg").rename(folder / "train/one/00.jpeg")


def move(folder):
    (folder / "train/one/0.jpeg").rename(folder / "train/two/0a.jpeg")


def replace(folder):
    shutil.copyfile(folder / "train/one/0.jpeg", folder / "train/two/4.jpeg")


@pytest.mark.parametrize("change, count", [
    (rename, 70), (move, 70), (replace, 70),
    (lambda folder: (folder / "train/one/0.jpeg").unlink(), 69),
    (lambda folder: shutil.copy(folder / "train/one/0.jpeg", folder / "train/one/z.jpeg"), 71),
])
def test_image_folders(tmp_path, digits, change, count):
    folder = write_folder(tmp_path / "set", digits, names=NAMES)
    before = of(f"folder:{folder}", cache_mb=0)
    shutil.copytree(folder, tmp_path / "elsewhere/set2")
    assert of(f"folder:{tmp_path}/elsewhere/set2", cache_mb=0) == before
    change(folder)
    after = of(f"folder:{folder}", cache_mb=0)
    assert after["validation"] == before["validation"]
    assert after["train"]["images"] == count
    assert after["train"]["digest"] != before["train"]["digest"]


def test_sizes_of_a_large_folder_are_a_sample(tmp_path, digits, monkeypatch):
    monkeypatch.setattr(contents, "MOST_SIZES", 5)
    split = open_source(f"folder:{write_folder(tmp_path, digits)}", cache_mb=0).splits["train"]
    before = contents_of({"train": split})
    for row, seen in ((1, False), (69, True)):
        with open(split.paths[row], "ab") as file:
            file.write(b"more")
        assert (contents_of({"train": split}) != before) is seen
    os.remove(split.paths[69])
    assert contents_of({"train": split}) != before
    assert contents_of({"x": FileSplit(split.paths[:0], split.labels[:0])})["x"]["images"] == 0


def test_record_files(tmp_path, digits):
    write_records(tmp_path, digits)
    before = of(f"tfrecord:{tmp_path}/{{split}}-*")
    assert before["train"]["images"] == 70
    assert of(f"tfrecord:{tmp_path}/{{split}}-*", cache_mb=0) == before
    first, second = sorted(tmp_path.glob("train-*"))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    after = of(f"tfrecord:{tmp_path}/{{split}}-*")
    assert after["train"]["images"] == 70 and after["train"] != before["train"]
    assert after["validation"] == before["validation"]
