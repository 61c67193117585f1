"""python -m tools.show_augment, as a user calls it: the right pictures in the right places."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from launch import run_module
from PIL import Image

from zoo.augment import list_ops

ROOT = Path(__file__).parents[2]
CAPTION = 14
run = functools.partial(run_module, "tools.show_augment")


def tiles(path: Path, side: int) -> np.ndarray:
    """uint8 [rows, 8, side, side, 3], without the captions, which must not be empty."""
    with Image.open(path) as sheet:
        levels = np.asarray(sheet)
    height, width = levels.shape[:2]
    assert width == 8 * side and height % (side + CAPTION) == 0
    rows = levels.reshape(-1, side + CAPTION, 8, side, 3)
    assert np.all(rows[:, :CAPTION].min(axis=(1, 2, 3, 4)) < 128)
    return rows[:, CAPTION:].swapaxes(1, 2)


def test_a_row_for_each_op(tmp_path):
    out = tmp_path / "ops.png"
    done = run(f"--out={out}", "--size=32")
    assert done.returncode == 0, done.stderr
    # In a process of its own, too: the flags of tools have one namespace.
    strengths = json.loads(subprocess.check_output(
        [sys.executable, "-c",
         "import json; from tools.show_augment import STRENGTHS; print(json.dumps(STRENGTHS))"],
        cwd=ROOT,
    ))
    assert done.stdout == f"{out}: {len(strengths)} rows of 8\n"
    assert {spec.split("(")[0] for spec in strengths} == set(list_ops())
    rows = tiles(out, 32)
    assert len(rows) == len(strengths)
    by_spec = dict(zip(strengths, rows, strict=True))
    photo, other = rows[0, 0], by_spec["flip(1.0)"][7, :, ::-1]
    given = np.stack([photo] * 4 + [other] * 3)
    assert photo.std() > 20 and other.std() > 20 and not np.array_equal(photo, other)
    for spec, row in by_spec.items():
        np.testing.assert_array_equal(row[0], photo, err_msg=spec)
        assert not np.array_equal(row[1:], given), spec
    np.testing.assert_array_equal(by_spec["flip(1.0)"][1:], given[:, :, ::-1])
    np.testing.assert_array_equal(by_spec["flip_up_down(1.0)"][1:], given[:, ::-1])


def test_draws_of_a_policy(tmp_path):
    out = tmp_path / "policy.png"
    done = run(f"--out={out}", "--size=24", "--rows=2", "--seed=3",
               "--policy=keras.RandomInvert(factor=(1.0, 1.0))|invert(1.0)|flip")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}: 2 rows of 8\n"
    rows = tiles(out, 24)
    photo = rows[0, 0]
    # Inverted by Keras' layer and back: the photo or its mirror image.
    mirrored = [
        [np.array_equal(image, photo[:, ::-1]) for image in row[1:5]] for row in rows
    ]
    plain = [[np.array_equal(image, photo) for image in row[1:5]] for row in rows]
    assert np.all(np.logical_xor(mirrored, plain))
    assert mirrored[0] != mirrored[1]
    # The last three columns are of another photo.
    assert not any(np.array_equal(rows[0, 5], one) for one in (photo, photo[:, ::-1]))


def test_wrong_flags_end_in_one_line(tmp_path):
    for flag, message in (
        ("--policy=flop", "got operation 'flop'; expected some of ["),
        ("--size=8", "flag --size=8"),
    ):
        done = run(flag, f"--out={tmp_path / 'x.png'}")
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
