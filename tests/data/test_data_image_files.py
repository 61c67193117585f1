"""Which files of a folder are images: told by what they hold; and what is left out, counted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import labels_of, wrong
from image_files import encode

import zoo
from zoo.data import open_source
from zoo.data.image_files import LeftOut, describe, find_images, merge
from zoo.data.record_sets.inputs import find_images as find_inputs
from zoo.evaluate import predict


@pytest.fixture
def folder(tmp_path, photos):
    """Eight images of two classes, and one file of everything that is none."""
    photo = np.ascontiguousarray(photos[0][:20, :30])
    for split, top in (("train", 0), ("validation", 100)):
        for name in ("china", "flower"):
            (tmp_path / split / name / "more" / "deep").mkdir(parents=True)
            other = np.ascontiguousarray(photos[1][top : top + 20, :30])
            (tmp_path / split / name / "a.jpg").write_bytes(encode(other))
    china = tmp_path / "train" / "china"
    (china / "b.jfif").write_bytes(encode(photo))
    (china / "c.jpe").write_bytes(encode(photo))
    (china / "no_suffix").write_bytes(encode(photo, "PNG"))
    (china / "wrong.txt").write_bytes(encode(photo, "WEBP"))
    (china / "scan.tif").write_bytes(encode(photo))  # a JPEG all the same
    (china / "more" / "deep" / "d.png").write_bytes(encode(photo, "PNG"))
    (china / "link.jpg").symlink_to(china / "a.jpg")
    return tmp_path


def add_junk(folder, photos) -> dict[str, int]:
    """Reasons and counts of what it adds to training."""
    china = folder / "train" / "china"
    (china / ".DS_Store").write_bytes(b"junk")
    (china / "more" / "._d.png").write_bytes(b"junk")
    (folder / "train" / ".cache").mkdir()
    (folder / "train" / "list.csv").write_text("a,b")
    (china / "gone.jpg").symlink_to(china / "nowhere")
    (china / "self.jpg").symlink_to(china / "self.jpg")
    (china / "more" / "up").symlink_to(china)
    os.mkfifo(china / "pipe.jpg")
    (china / "zero.jpg").symlink_to("/dev/zero")
    (china / "notes.txt").write_text("BMW and others")
    (china / "nothing").write_bytes(b"")
    (china / "real.tif").write_bytes(encode(photos[0], "TIFF"))
    (china / "phone").write_bytes(encode(photos[0], "AVIF"))
    return {
        "hidden": 3, "in no class folder": 1, "broken link": 2, "link to a folder that it is in": 1,
        "no regular file": 2, "no image": 1, "empty": 1, "TIFF, which is not read": 1,
        "AVIF, which is not read": 1,
    }


def test_images_are_told_by_what_they_hold(folder):
    train = open_source(f"folder:{folder}", cache_mb=0).splits["train"]
    names = [os.path.relpath(path, folder / "train") for path in train.paths]
    assert names == [
        "china/a.jpg", "china/b.jfif", "china/c.jpe", "china/link.jpg", "china/no_suffix",
        "china/scan.tif", "china/wrong.txt", "china/more/deep/d.png", "flower/a.jpg",
    ]
    decoded = open_source(f"folder:{folder}").splits["train"]
    assert labels_of(decoded) == [0] * 8 + [1] and not decoded.encoded


def test_what_is_left_out_is_counted_and_told_once(folder, photos, capsys):
    open_source(f"folder:{folder}", cache_mb=0)
    assert capsys.readouterr().err == ""
    reasons = add_junk(folder, photos)
    source = open_source(f"folder:{folder}", cache_mb=0)
    assert source.splits["train"].num_examples == 9
    assert {files.reason: files.count for files in source.left_out} == reasons
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{folder}: left out: hidden: 3 (as '{folder}/train/.cache'); ")
    assert f"; TIFF, which is not read: 1 (as '{folder}/train/china/real.tif')" in line


def test_sub_folders_are_left_out_where_that_is_asked(folder):
    source = open_source(f"folder:{folder},recursive=false", cache_mb=0)
    assert source.splits["train"].num_examples == 8
    [left_out] = source.left_out
    assert left_out == LeftOut("sub-folder, with recursive=false", 4,
                               f"{folder}/train/china/more")
    assert open_source(f"folder:{folder},recursive=true", cache_mb=0).left_out == ()
    wrong("folder option recursive, got 'no'; expected true or false",
          f"folder:{folder},recursive=no")


def test_a_class_whose_files_are_no_images(folder, photos):
    shutil.rmtree(folder / "train" / "flower")
    (folder / "train" / "flower").mkdir()
    (folder / "train" / "flower" / "a.heic").write_bytes(encode(photos[0], "AVIF"))
    wrong("train/flower' has no images (left out: AVIF, which is not read: 1 (as '",
          f"folder:{folder}")


def test_a_set_of_records_is_made_of_the_same_files(folder, photos):
    add_junk(folder, photos)
    inputs = find_inputs(str(folder))
    names = {os.fsdecode(row["name"]) for row in inputs.splits["train"].rows}
    assert len(names) == 9 and {"china/more/deep/d.png", "china/no_suffix"} <= names
    assert inputs.splits["train"].place == str(folder / "train")


def test_predictions_are_made_of_the_same_files(folder, photos):
    reasons = add_junk(folder, photos)
    del reasons["in no class folder"]
    china = str(folder / "train" / "china")
    paths, left_out = predict.find_images([china, china + "/*.jfif"])
    assert [path.name for path in paths][:3] == ["a.jpg", "b.jfif", "c.jpe"] and len(paths) == 8
    assert {x.reason: x.count for x in left_out} == {**reasons, "hidden": 2}
    model = zoo.create_model("lenet5", weights="mnist")
    for path in (folder / "train" / "china" / "pipe.jpg", Path("/dev/zero")):
        [(_, reason)] = predict.predict_files(model, [path])
        assert reason == "cannot be read as an image: no regular file"
    os.remove(folder / "validation" / "china" / "a.jpg")
    with pytest.raises(ValueError, match="where there is no image; expected image files, folders"):
        predict.find_images([str(folder / "validation" / "china")])
    (folder / "validation" / "china" / "a").write_bytes(b"a text")
    with pytest.raises(ValueError, match="there is no image .left out: no image: 1 .as '"):
        predict.find_images([str(folder / "validation" / "china")])


def test_reasons_are_merged():
    one, other = LeftOut("empty", 2, "a"), LeftOut("hidden", 1, "b")
    assert merge([other, one, LeftOut("empty", 3, "c")]) == (LeftOut("empty", 5, "a"), other)
    assert describe([one, other]) == "left out: empty: 2 (as 'a'); hidden: 1 (as 'b')"


def test_links_to_folders_are_followed_once(tmp_path, photos):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(encode(photos[0][:9, :9]))
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
    images, left_out = find_images(str(tmp_path / "a"))
    assert [os.path.relpath(path, tmp_path) for path in images] == ["a/1.jpg", "a/b/1.jpg"]
    assert left_out == [LeftOut("link to a folder that it is in", 1, f"{tmp_path}/a/b/a")]
