"""python -m tools.data_statistics, as a user calls it."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
from launch import run_module
from PIL import Image
from sklearn.datasets import load_sample_images

run = functools.partial(run_module, "tools.data_statistics")


def test_photographs(tmp_path):
    photos = load_sample_images().images
    for split in ("train", "validation"):
        for number, photo in enumerate(photos):
            place = tmp_path / "set" / split / str(number)
            place.mkdir(parents=True)
            Image.fromarray(photo).save(place / "photo.png")
    out = tmp_path / "found.json"
    done = run(f"--data=folder:{tmp_path}/set", f"--out={out}")
    assert done.returncode == 0, done.stderr
    pixels = np.concatenate([photo.reshape(-1, 3) for photo in photos]).astype(np.float64)
    mean = ",".join(f"{value:.3f}" for value in pixels.mean(0))
    std = ",".join(f"{value:.3f}" for value in pixels.std(0))
    assert f"--mean={mean} --std={std}" in done.stdout.splitlines()
    assert "2 images of train, 546,560 pixels" in done.stdout
    found = json.loads(out.read_text())
    np.testing.assert_allclose(found["mean"], pixels.mean(0), rtol=1e-12)
    values = np.linalg.eigvalsh(np.cov(pixels.T / 255, ddof=0))[::-1]
    np.testing.assert_allclose(found["eigenvalues"], values, rtol=1e-9)
    assert found["num_images"] == 2 and np.shape(found["eigenvectors"]) == (3, 3)


@pytest.mark.parametrize(("flags", "message"), [
    (("--data=mnist6k",), "unknown data source, got 'mnist6k'"),
    (("--data=mnist5k", "--out=x.txt"), "--out: got x.txt; expected a name that ends in .json"),
    (("--data=mnist5k", "--seed=1"), "--seed has no effect without --count"),
])
def test_wrong_flags_end_in_one_line(flags, message):
    done = run(*flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
