"""Patches of the photographs that scikit-learn ships."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from zoo.data import open_source

ROOT = Path(__file__).parents[2]


def write_patches(out, photographs, **flags) -> str:
    """Runs the tool; returns its standard error."""
    given = [f"--{name}={value}" for name, value in flags.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tools.patches_folder", f"--out={out}", *given, *photographs],
        cwd=ROOT, capture_output=True, text=True,
    )
    assert done.returncode == (2 if done.stderr else 0)
    return done.stderr


@pytest.fixture(scope="module")
def photographs():
    import sklearn.datasets

    folder = Path(sklearn.datasets.__file__).parent / "images"
    return [str(folder / name) for name in ("china.jpg", "flower.jpg")]


def test_the_tool_writes_a_data_source(tmp_path, photographs):
    for out in ("set", "again"):
        assert not write_patches(
            tmp_path / out, photographs, train_per_class=3, validation_per_class=2
        )
    source = open_source(f"folder:{tmp_path / 'set'}")
    assert source.class_names == ("china", "flower")
    assert source.splits["train"].images.shape == (6, 96, 96, 3)
    assert source.splits["validation"].num_examples == 4
    for path in (tmp_path / "set").rglob("*.jpg"):
        again = tmp_path / "again" / path.relative_to(tmp_path / "set")
        assert path.read_bytes() == again.read_bytes()


def test_training_shows_the_left_half_and_validation_the_right(tmp_path):
    """Of a photograph whose right half is black: all of what validation shows, none of training."""
    for name, photo in zip("ab", load_sample_images().images, strict=True):
        half = photo.copy()
        half[:, photo.shape[1] // 2 :] = 0
        Image.fromarray(half).save(tmp_path / f"{name}.png")
    write_patches(tmp_path / "set", [tmp_path / "a.png", tmp_path / "b.png"], size=64)
    for path in (tmp_path / "set").rglob("*.jpg"):
        black = np.asarray(Image.open(path)).max(axis=(0, 2)) < 8
        assert black.all() if "validation" in path.parts else not black[-1]


@pytest.mark.parametrize(("pick", "flags", "message"), [
    ([0], {}, "expected two or more"),
    ([0, 0], {}, "each with another name"),
    ([0, 1], {"size": 400}, "china.jpg has 640x427 pixels; expected at least 800x400"),
    ([0, 1, 2], {}, "none.jpg"),
])
def test_wrong_photographs(tmp_path, photographs, pick, flags, message):
    given = [[*photographs, "none.jpg"][place] for place in pick]
    errors = write_patches(tmp_path / "set", given, **flags)
    assert message in errors and len(errors.splitlines()) == 1
    assert os.listdir(tmp_path) == []
