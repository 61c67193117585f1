"""python -m tools.evaluate, as a user calls it, on digits."""

from __future__ import annotations

import functools
import json
import shutil

import pytest
from launch import run_module

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

evaluate = functools.partial(run_module, "tools.evaluate")


def test_a_run_gets_what_it_got_in_training(finished_run, tmp_path):
    out = tmp_path / "figures.json"
    done = evaluate(f"--run_dir={finished_run}", f"--out={out}")
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    there = json.loads((finished_run / "summary.json").read_text())["validation"]
    assert figures["images"] == 1000 and figures["views_per_image"] == 1
    assert figures["top_1"] == there["top_1"] and figures["top_5"] == there["top_5"]
    assert figures["loss"] == pytest.approx(there["loss"], rel=1e-4)
    assert figures["images_per_second"] == pytest.approx(1000 / figures["seconds"], rel=0.01)
    assert f"1000 images, top-1 {100 * figures['top_1']:.2f} %, top-5 " in done.stdout
    assert list(tmp_path.iterdir()) == [out]


def test_shipped_weights_at_two_scales(tmp_path):
    out = tmp_path / "figures.json"
    done = evaluate(
        "--model=lenet5", "--weights=mnist", "--data=mnist5k", "--views=ten_crop",
        "--short_sides=28,30", f"--out={out}",
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert figures["short_sides"] == [28, 30] and figures["views_per_image"] == 20
    assert "ten_crop at short side 28, 30" in done.stdout
    # Digits are not what their mirror images are: 99.6 % without these.
    assert 0.9 < figures["top_1"] < 0.99 < figures["top_5"]


def test_coloured_files_one_of_which_is_broken(tmp_path):
    digits = tmp_path / "digits"
    run_module(
        "tools.digits_folder", f"--out={digits}", "--train_per_class=1", "--validation_per_class=3"
    ).check_returncode()
    shutil.rmtree(digits / "train")
    for label, name in enumerate(NAMES):  # in the order of the weights' classes
        (digits / "validation" / name).rename(digits / "validation" / str(label))
    out = tmp_path / "figures.json"
    arguments = ("--model=lenet5", "--weights=mnist", f"--data=folder:{digits}",
                 "--views=five_crop", "--short_sides=30", f"--out={out}", "--batch_size=8")
    done = evaluate(*arguments)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    assert figures["images"] == 30 and figures["top_1"] > 0.5

    broken = sorted((digits / "validation").rglob("*.*"))[7]
    broken.write_bytes(broken.read_bytes()[:100])
    done = evaluate(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    line = done.stderr.splitlines()[-1]  # libjpeg's own words are before it
    assert line.startswith(f"error: 1 image of validation cannot be read: {broken}: truncated")


MNIST = ("--model=lenet5", "--weights=mnist", "--data=mnist5k")


@pytest.mark.parametrize(("arguments", "message"), [
    ((), "got no --run_dir and no --model; expected --run_dir, or --model, --weights and --data"),
    (MNIST[:2], "got no --run_dir and no --data; expected"),
    ((*MNIST, "--run_dir=x"), "--model: got lenet5 and --run_dir, which has its own"),
    (("--run_dir=nowhere",), "--run_dir: nowhere holds no recipe.json"),
    ((*MNIST, "--views=nine_crop"), "unknown views, got 'nine_crop'; expected one of"),
    ((*MNIST, "--short_sides=256,x"), "--short_sides: got '256,x'; expected whole numbers of"),
    ((*MNIST, "--short_sides=30,27"), "short_sides out of range, got (30, 27); expected each at"),
    ((*MNIST, "--split=test"), "--split: got test; expected one of train, validation"),
    ((*MNIST, "--out=x.csv"), "--out: got x.csv; expected a name that ends in .json"),
    ((*MNIST[:2], "--data=synthetic:size=32,classes=3,count=50"),
     "--data: got 3 classes; expected the model's 10"),
])
def test_errors_are_one_line(arguments, message):
    done = evaluate(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1


def test_help_says_what_there_is():
    done = evaluate("--help")
    assert done.returncode == 0 and done.stderr == ""
    assert "centre, flip, five_crop or ten_crop" in " ".join(done.stdout.split())
