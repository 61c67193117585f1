"""The tool's folder opens as a data source, and it never writes over anything."""

from __future__ import annotations

import functools
import os

import pytest
from launch import run_module
from PIL import Image

from zoo.data import open_source

run = functools.partial(run_module, "tools.digits_folder")


def test_the_folder_is_a_data_source(tmp_path):
    out = tmp_path / "new" / "digits"
    done = run(f"--out={out}", "--train_per_class=4", "--validation_per_class=2", "--size=48")
    assert (done.returncode, done.stderr) == (0, "")
    source = open_source(f"folder:{out}")
    assert len(source.class_names) == 10 and "seven" in source.class_names
    assert source.splits["train"].images.shape == (40, 48, 48, 3)
    assert source.splits["validation"].images.shape == (20, 48, 48, 3)
    with Image.open(out / "train/seven/0000.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (48, 48))
    assert os.listdir(out.parent) == ["digits"]


@pytest.mark.parametrize(("flags", "message"), [
    ((), "Flag --out must have a value"),
    (("--out={dir}",), "--out must be a new or an empty folder, got"),
    (("--out={dir}/file/below",), "--out cannot be made, got"),
    (("--out={dir}/x", "--size=4"), "4 is not an integer in the range [8, 1024]"),
    (("--out={dir}/x", "--train_per_class=401"), "401 is not an integer in the range [1, 400]"),
    (("--out={dir}/x", "--sise=40"), "Unknown command line flag 'sise'"),
    (("--out={dir}/x", "more"), "got 'more', which is no flag"),
])
def test_wrong_flags_end_in_one_line(tmp_path, flags, message):
    (tmp_path / "file").write_text("kept")
    done = run(*(flag.format(dir=tmp_path) for flag in flags))
    assert done.returncode == 2 and done.stdout == ""
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["file"]


def test_an_empty_folder_is_filled(tmp_path):
    done = run(f"--out={tmp_path}", "--train_per_class=1", "--validation_per_class=1")
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["train", "validation"]


def test_help_is_quick_and_names_units():
    done = run("--help")
    assert "pixels" in done.stdout and "Images a class" in done.stdout
