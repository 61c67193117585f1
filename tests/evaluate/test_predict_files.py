"""What is said of files: the same by predict_files, the SavedModel, and of their pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import zoo
from zoo.data import open_source
from zoo.evaluate.predict import predict_files


@pytest.fixture(scope="module")
def model(finished_run):
    return zoo.load_model(finished_run)


@pytest.fixture(scope="module")
def digits():
    return open_source("mnist5k").splits["validation"].images[::200, :, :, 0]


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    """Each digit as it is, stored lying on its side with a note that says so, and in 16 bits."""
    folder = tmp_path_factory.mktemp("digits")
    exif = Image.Exif()
    exif[0x0112] = 6
    for number, digit in enumerate(digits):
        Image.fromarray(digit).save(folder / f"{number}-plain.png")
        Image.fromarray(np.rot90(digit)).save(folder / f"{number}-turned.png", exif=exif)
        Image.fromarray(digit.astype(np.uint16) * 257).save(folder / f"{number}-wide.png")
    return sorted(folder.iterdir())


def probabilities(model, files) -> np.ndarray:
    found = np.zeros((len(files), 10))
    for row, (_, answers) in zip(found, predict_files(model, files, top=10), strict=True):
        for index, _, share in answers:
            row[index] = share
    return found


def test_one_decoder_for_predictions_and_the_saved_model(finished_run, model, files, tmp_path):
    found = probabilities(model, files)
    for plain, turned, wide in found.reshape(-1, 3, 10):
        np.testing.assert_array_equal(turned, plain)
        np.testing.assert_array_equal(wide, plain)
    exif = Image.Exif()
    exif[0x0112] = 8
    with Image.open(files[0]) as digit:
        digit.save(tmp_path / "a.jpg", exif=exif)
    files = [*files, tmp_path / "a.jpg"]
    found = probabilities(model, files)
    served = tf.saved_model.load(str(finished_run / "export" / "1")).signatures["encoded"]
    served = served(image_bytes=tf.constant([path.read_bytes() for path in files]))
    np.testing.assert_allclose(served["probabilities"], found, atol=2e-6)


def test_bytes_of_files_as_input(model, files, digits):
    encoded = [path.read_bytes() for path in files]
    pixels = np.repeat(digits, 3, axis=0)[..., None]
    np.testing.assert_array_equal(
        zoo.preprocess_input(encoded, model), zoo.preprocess_input(pixels, model)
    )
    assert zoo.preprocess_input(encoded[1], model).shape == (1, 28, 28, 1)
    with pytest.raises(ValueError, match="^no image .JPEG, PNG, BMP, GIF, WebP., it begins with"):
        zoo.preprocess_input([encoded[0], b"notes"], model)
    tiff = io.BytesIO()
    Image.fromarray(digits[0]).save(tiff, "TIFF")
    with pytest.raises(ValueError, match="^TIFF, a format that is not read: store it as PNG or"):
        zoo.preprocess_input(tiff.getvalue(), model)
