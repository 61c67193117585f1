"""python -m tools.prepare_data, as a user calls it, killed in the middle and called again."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from launch import run_module
from PIL import Image
from sklearn.datasets import load_sample_images

from zoo.data import open_source
from zoo.data.record_sets import prepare
from zoo.data.record_sets.inputs import find_images

ROOT = Path(__file__).parents[2]
HEAVY = {"tensorflow", "keras", "numpy", "matplotlib", "tensorflow_datasets", "PIL"}


run = functools.partial(run_module, "tools.prepare_data")


@pytest.fixture
def photos(tmp_path) -> Path:
    """520 different pieces of two photographs, about 20 MB."""
    folder = tmp_path / "photos"
    for label, photo in zip(("flower", "palace"), load_sample_images().images, strict=True):
        for split, count in (("train", 250), ("validation", 10)):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                piece = photo[number % 150:][:260, number:][:, :300]
                path = folder / split / label / f"{number}.jpg"
                Image.fromarray(piece).save(path, quality=95)
    return folder


def test_killed_and_run_again(photos, tmp_path):
    flags = (f"--folder={photos}", "--name=photos", f"--out={tmp_path}/sets", "--shard_mb=1")
    partial = tmp_path / "sets/photos/1.0.0.partial"
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.prepare_data", *flags, "--threads=1"], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    while process.poll() is None and len(list(partial.glob("work/[!.]*.done"))) < 3:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, process.stdout.read()
    process.stdout.close()
    done = {
        path.stem: path.stat().st_mtime_ns for path in partial.glob("work/[!.]*.done")
    }
    shards = {name: (partial / name).stat() for name in os.listdir(partial) if "tfrecord" in name}
    assert 3 <= len(done) < 16

    again = run(*flags)
    assert again.returncode == 0, again.stderr
    finished = tmp_path / "sets/photos/1.0.0"
    assert again.stdout.splitlines() == [
        f"{finished}: train 500, validation 20 images of 2 classes",
        f"use it with --data=tfds:photos --data_dir={tmp_path}/sets",
    ]
    assert os.listdir(tmp_path / "sets/photos") == ["1.0.0"]
    kept = [
        name for name, was in shards.items()
        if (finished / name).stat().st_mtime_ns == was.st_mtime_ns
    ]
    assert len(kept) >= len(done)

    # What an unbroken run writes, to the byte.
    whole = prepare(
        find_images(str(photos)), root=str(tmp_path / "whole"), name="photos", shard_mb=1
    )
    assert sorted(os.listdir(whole)) == sorted(os.listdir(finished))
    for name in os.listdir(whole):
        assert Path(whole, name).read_bytes() == (finished / name).read_bytes(), name
    source = open_source("tfds:photos", data_dir=f"{tmp_path}/sets", cache_mb=0)
    assert source.splits["train"].num_examples == 500
    assert source.class_names == ("flower", "palace")


def write(path: Path, size: int) -> None:
    with open(path, "wb") as file:
        file.write(b"<!DOCTYPE html>")
        file.truncate(size)  # a hole: it takes no space


@pytest.mark.parametrize(("files", "message"), [
    ({}, "no ILSVRC2012_img_train.tar and no ILSVRC2012_img_val.tar in '{dir}'; put "
         "ILSVRC2012_img_train.tar (147,897,477,120 bytes) and ILSVRC2012_img_val.tar "
         "(6,744,924,160 bytes) there, from https://image-net.org/download-images"),
    ({"ILSVRC2012_img_train.tar": 147_897_477_120}, "no ILSVRC2012_img_val.tar in '{dir}'; put"),
    ({"ILSVRC2012_img_train.tar": 147_897_477_120, "ILSVRC2012_img_val.tar": 1000},
     "ILSVRC2012_img_val.tar has 1,000 bytes; expected 6,744,924,160: the download is not"),
    ({"ILSVRC2012_img_train.tar": 147_897_477_120, "ILSVRC2012_img_val.tar": 6_744_924_160},
     "{dir}/ILSVRC2012_img_train.tar is no whole tar archive: "),
])
def test_archives_that_are_not_there_or_not_whole(files, message, tmp_path):
    for name, size in files.items():
        write(tmp_path / name, size)
    done = run(f"--imagenet={tmp_path}", f"--out={tmp_path}/sets")
    assert (done.returncode, done.stdout) == (2, "")
    assert message.format(dir=tmp_path) in done.stderr and done.stderr.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == sorted(files)


@pytest.mark.parametrize(("flags", "message"), [
    (("--folder=x", "--name=x"), "Flag --out must have a value"),
    (("--out=y",), "got both or none of --imagenet and --folder; expected one"),
    (("--out=y", "--folder=x", "--imagenet=x"), "got both or none of --imagenet and --folder"),
    (("--out=y", "--folder=x"), "--folder needs a --name"),
    (("--out=y", "--imagenet=x", "--name=x"), "--name has no effect with --imagenet"),
    (("--out=y", "--folder=/nowhere", "--name=x"), "no folder '/nowhere'; expected one"),
    (("--out=y", "--imagenet=x", "--beam_options=a=b"), "--beam_options has no effect without"),
    (("--out=y", "--imagenet=x", "--beam_runner=DirectRunner", "--threads=2"),
     "--threads has no effect with --beam_runner"),
    (("--out=y", "--imagenet=x", "--beam_runner=NoRunner"), "--beam_runner"),
])
def test_wrong_flags_end_in_one_line(flags, message):
    done = run(*flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]


def test_help_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tools.prepare_data", "--help"],
        cwd=ROOT, capture_output=True, text=True,
    )
    assert "1d675b47d978889d74fa0da5fadfb00e" in done.stdout and "--beam_runner" in done.stdout
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "zoo.cli" in imported and not {name.split(".")[0] for name in imported} & HEAVY
