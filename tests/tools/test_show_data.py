"""python -m tools.show_data, as a user calls it: the right pictures in the right places."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from launch import run_module
from PIL import Image
from sklearn.datasets import load_sample_images

from zoo.data import resize_and_center_crop
from zoo.data.contact_sheet import draw_sheet, fit

COLOURS = {"a red one": (250, 0, 0), "green, " * 9: (0, 250, 0), "n01440764": (0, 0, 250)}
run = functools.partial(run_module, "tools.show_data")


@pytest.fixture(scope="module")
def coloured(tmp_path_factory) -> Path:
    """Wide images, a colour a class."""
    folder = tmp_path_factory.mktemp("coloured")
    for split in ("train", "validation"):
        for name, colour in COLOURS.items():
            (folder / split / name).mkdir(parents=True)
            for number in range(4):
                picture = Image.new("RGB", (100, 50), colour)
                picture.save(folder / split / name / f"{number}.png")
    return folder


def test_whole_images_with_their_names(coloured, tmp_path):
    out = tmp_path / "sheet.png"
    done = run(f"--data=folder:{coloured}", f"--out={out}", "--count=12", "--columns=5",
               "--tile=64")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}: 12 of 12 images of train, 344x256 pixels\n"
    with Image.open(out) as sheet:
        levels = np.asarray(sheet)
    tops, lefts = np.arange(3) * 84 + 4, np.arange(5) * 68 + 4
    tiles = [levels[top:top + 64, left:left + 64] for top in tops for left in lefts]
    seen = []
    for tile in tiles[:12]:
        seen.append(tuple(tile[32, 32]))
        # 64x32, in the middle of a white tile.
        assert (tile[16:48] == tile[32, 32]).all() and (tile[:15] == 255).all()
        assert (tile[49:] == 255).all()
    assert sorted(seen) == sorted([*COLOURS.values()] * 4) and seen != sorted(seen)
    assert (np.stack(tiles[12:]) == 255).all()
    captions = {
        colour: levels[top + 65:top + 80, left:left + 64]
        for colour, (top, left) in zip(
            seen, ((top, left) for top in tops for left in lefts), strict=False
        )
    }
    dark = {colour: (caption < 128).all(axis=2) for colour, caption in captions.items()}
    assert all(ink.any() for ink in dark.values())
    widths = {colour: np.flatnonzero(ink.any(axis=0)).max() for colour, ink in dark.items()}
    # "tench" for WordNet's id is short; the long name is cut at its tile's side.
    assert widths[0, 0, 250] < widths[250, 0, 0] < widths[0, 250, 0] < 64


def test_what_the_evaluation_sees():
    photo = load_sample_images().images[0]
    seen = fit(tile=128, image_size=40, eval_resize=50)(tf.constant(photo))
    np.testing.assert_array_equal(seen, resize_and_center_crop(photo, 40, 50))
    assert draw_sheet([(seen.numpy(), "palace")], tile=40, columns=8).size == (48, 64)


@pytest.mark.parametrize(("flags", "message"), [
    (("--data=nothing",), "unknown data source, got 'nothing'"),
    (("--data=mnist5k", "--out=x.jpg"), "--out: got x.jpg; expected a name that ends in .png"),
    (("--data=mnist5k", "--image_size=32", "--tile=32"), "--tile has no effect with --image_size"),
    (("--data=mnist5k", "--eval_resize=32"), "--eval_resize has no effect without --image_size"),
])
def test_wrong_flags_end_in_one_line(flags, message):
    done = run(*flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
