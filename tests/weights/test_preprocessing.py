"""Pictures to inputs, against torchvision's and timm's transforms on a real photo.

preprocessing.npz holds every ninth pixel of what torchvision 0.28's ImageClassification and timm
1.0.31's create_transform make of scikit-learn's china.jpg, or of its left 301 columns ("tall").
"""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from zoo.weights.preprocessing import Preprocessing, preprocess_input

IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
HALF = (127.5,) * 3, (127.5,) * 3
GOLDEN = np.load(pathlib.Path(__file__).with_name("preprocessing.npz"))
MADE_BY = {
    "torchvision_224_of_256_bilinear": Preprocessing(224, 0.875, "bilinear", *IMAGENET),
    "torchvision_224_of_232_bilinear_tall": Preprocessing(224, 0.9655, "bilinear", *IMAGENET),
    "torchvision_299_of_342_bilinear": Preprocessing(299, 0.8742, "bilinear", *IMAGENET),
    "timm_176_of_201_bicubic": Preprocessing(176, 0.875, "bicubic", *HALF),
    "timm_288_of_288_bicubic_tall": Preprocessing(288, 1.0, "bicubic", *IMAGENET),
}
PLAIN = Preprocessing(4, 1.0, "bilinear", (0.0,) * 3, (1.0,) * 3)
GREY = Preprocessing(4, 1.0, "bilinear", (0.0,), (1.0,))


@pytest.fixture(scope="module")
def photo():
    return load_sample_image("china.jpg")


@pytest.mark.parametrize("name", GOLDEN)
def test_what_torchvision_and_timm_make_of_a_photo(name, photo):
    picture = photo[:, :301] if name.endswith("tall") else photo
    preprocessing = MADE_BY[name]
    images = preprocess_input(picture, preprocessing)
    side = preprocessing.input_size
    assert images.shape == (1, side, side, 3) and images.dtype == np.float32
    # Two levels: JPEG decoders differ by one.
    levels = np.float32(preprocessing.std) * (images[0, ::9, ::9] - GOLDEN[name])
    assert np.abs(levels).max() < 2


@pytest.mark.parametrize("change", [
    {"interpolation": "bicubic"}, {"crop_pct": 0.87}, {"mean": HALF[0]},
])
def test_the_photo_tells_what_is_wrong(change, photo):
    name = "torchvision_224_of_256_bilinear"
    wrong = Preprocessing(**{**vars(MADE_BY[name]), **change})
    levels = np.float32(IMAGENET[1]) * (preprocess_input(photo, wrong)[0, ::9, ::9] - GOLDEN[name])
    assert np.abs(levels).max() > 5


@pytest.mark.parametrize("size, crop_pct, resized", [
    (224, 0.875, 256), (224, 0.9655, 232), (224, 0.965, 232), (299, 0.8742, 342),
    (299, 0.875, 341), (176, 0.875, 201), (224, 0.95, 235), (288, 1.0, 288), (28, 1.0, 28),
])
def test_the_short_side(size, crop_pct, resized):
    assert Preprocessing(size, crop_pct, "bicubic", *HALF).resize_size == resized


@pytest.mark.parametrize("height, width", [(224, 500), (420, 224), (31, 47), (47, 31), (97, 97)])
def test_any_size_and_form(height, width, photo):
    """By hand: Pillow's resize to (int(232 * long / short), 232), then the middle."""
    picture = photo[:height, :width]
    long = int(232 * max(height, width) / min(height, width))
    scaled = (long, 232) if width > height else (232, long)
    left, top = (round((side - 224) / 2) for side in scaled)
    resized = Image.fromarray(picture).resize(scaled, Image.Resampling.BILINEAR)
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)), "float32")
    images = preprocess_input(picture, Preprocessing(224, 0.9655, "bilinear", (0,) * 3, (1,) * 3))
    np.testing.assert_array_equal(images[0], expected)


def test_one_picture_a_batch_and_a_list_are_the_same(photo):
    preprocessing = MADE_BY["timm_176_of_201_bicubic"]
    one = preprocess_input(photo, preprocessing)
    batch = preprocess_input(np.stack([photo, photo[:, ::-1]]), preprocessing)
    listed = preprocess_input(
        [photo[:200], Image.fromarray(photo), np.maximum(photo - 0.4, 0)], preprocessing
    )
    assert listed.shape == (3, 176, 176, 3)
    for same in (batch[:1], listed[1:2], listed[2:]):
        np.testing.assert_array_equal(same, one)
    assert np.abs(listed[0] - one[0]).max() > 0.5


def test_grey_pictures(photo):
    grey = photo.mean(axis=2).astype("uint8")
    three = preprocess_input(grey, MADE_BY["timm_176_of_201_bicubic"])
    assert three.shape == (1, 176, 176, 3)
    np.testing.assert_array_equal(three[..., 0], three[..., 2])
    network_of_one = Preprocessing(176, 0.875, "bicubic", (127.5,), (127.5,))
    one = preprocess_input(grey[:, :, None], network_of_one)
    np.testing.assert_array_equal(one[..., 0], three[..., 0])


def test_without_resizing_any_size_is_left_and_floats_are_not_rounded():
    pictures = np.linspace(0, 255, 2 * 5 * 7 * 3).reshape(2, 5, 7, 3)
    images = preprocess_input(pictures, Preprocessing(224, 0.875, "bicubic", *HALF), resize=False)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, pictures / 127.5 - 1, atol=1e-6)
    with pytest.raises(ValueError, match=r"and pictures of sizes \[\(4, 7\), \(5, 7\)"):
        preprocess_input([pictures[0], pictures[0, :4]], PLAIN, resize=False)


def test_black_is_black_on_both_scales():
    assert not preprocess_input(np.zeros((8, 8, 3)), PLAIN).any()


@pytest.mark.parametrize("picture, message", [
    (np.ones((8, 8, 3)), "largest value is 1, as if scaled to 0..1; expected levels of 0..255"),
    (np.full((8, 8, 3), 0.3, "float16"), "as if scaled to 0..1"),
    (np.full((8, 8, 3), 300.0), "got values from 300 to 300; expected levels of 0..255"),
    (np.full((8, 8, 3), -0.1), "got values from -0.1 to -0.1"),
    (np.full((8, 8, 3), np.nan), "expected levels of 0..255"),
    (np.zeros((8, 8, 3), "int64"), "got pictures of type int64; expected uint8 or a float"),
    (np.zeros((8, 8, 4), "uint8"), r"got a picture of shape \(8, 8, 4\); expected \[height, width"),
    (np.zeros((2, 8, 8, 4), "uint8"), r"shape \(8, 8, 4\)"),
    (np.zeros((3, 8, 8), "uint8"), r"shape \(3, 8, 8\)"),
    (np.zeros((0, 8, 3), "uint8"), r"shape \(0, 8, 3\)"),
    (np.zeros((8,), "uint8"), r"shape \(8,\)"),
    ([], "got no pictures; expected at least one"),
    (np.zeros((0, 8, 8, 3), "uint8"), "got no pictures"),
])
def test_what_are_no_pictures(picture, message):
    for resize in (True, False):
        with pytest.raises(ValueError, match=message):
            preprocess_input(picture, PLAIN, resize=resize)


def test_colour_for_a_network_of_one_channel():
    with pytest.raises(ValueError, match="got a picture of 3 channels; expected 1"):
        preprocess_input(np.zeros((8, 8, 3), "uint8"), GREY)


@pytest.mark.parametrize("change, message", [
    ({"input_size": 0}, "got input_size=0; expected a size of at least 1"),
    ({"crop_pct": 0}, r"got crop_pct=0; expected a number in \(0, 1\]"),
    ({"crop_pct": 1.1}, "got crop_pct=1.1"),
    ({"interpolation": "nearest"}, r"got interpolation='nearest'; expected one of \['bilinear'"),
    ({"mean": (1.0, 2.0)}, "expected 1 or 3 numbers in each"),
    ({"mean": (1.0,)}, "expected 1 or 3 numbers in each"),
    ({"mean": (-1.0,) * 3}, "expected means in 0..255"),
    ({"std": (0.0,) * 3}, "deviations over 0"),
])
def test_a_preprocessing_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        Preprocessing(**{**vars(PLAIN), **change})
