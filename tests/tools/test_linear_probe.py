"""python -m tools.linear_probe, and the model that it saves, on digits as colour photographs."""

from __future__ import annotations

import functools

import keras
import numpy as np
from launch import run_module
from PIL import Image

probe = functools.partial(run_module, "tools.linear_probe")


def test_probe_on_a_folder_of_digits(tmp_path):
    digits = tmp_path / "digits"
    run_module(
        "tools.digits_folder", f"--out={digits}", "--train_per_class=8", "--validation_per_class=5"
    ).check_returncode()
    out = tmp_path / "probe.keras"
    arguments = (
        "--model=efficientnet_lite0", "--weights=imagenet", f"--data=folder:{digits}",
        f"--features={tmp_path / 'features'}", f"--out={out}",
    )
    done = probe(*arguments)
    assert done.returncode == 0, done.stderr
    told = next(line for line in done.stdout.splitlines() if line.startswith("validation:"))
    top_1 = float(told.split()[-2])
    assert top_1 >= 50  # a guess: 10
    again = probe(*arguments)
    assert told in again.stdout.splitlines()  # from the features that were kept
    assert {path.name for path in (tmp_path / "features").iterdir()} == {
        "train.npz", "validation.npz"
    }

    model = keras.models.load_model(out)
    names = sorted(path.name for path in (digits / "validation").iterdir())
    pictures, labels = [], []
    for label, name in enumerate(names):
        for path in sorted((digits / "validation" / name).iterdir()):
            picture = Image.open(path).convert("RGB").resize((256, 256), Image.Resampling.BICUBIC)
            pictures.append(np.asarray(picture.crop((16, 16, 240, 240)), "float32"))
            labels.append(label)
    right = np.argmax(model(np.stack(pictures)), axis=1) == labels
    assert abs(100 * right.mean() - top_1) <= 6  # resized by another library


def test_errors_are_one_line(tmp_path):
    for arguments, message in (
        (("--out=x.h5",), "--out: got x.h5; expected a name that ends in .keras"),
        (("--weights=nowhere",), "got weights='nowhere'; expected one of"),
    ):
        done = probe("--model=lenet5", "--weights=mnist", "--data=mnist5k", *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1
