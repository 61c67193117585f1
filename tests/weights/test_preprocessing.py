"""Pictures to inputs, against torchvision's and timm's transforms on a real photo.

preprocessing.npz holds every ninth pixel of what torchvision 0.28's ImageClassification and timm
1.0.31's create_transform make of scikit-learn's china.jpg, or of its left 301 columns ("tall").
"""

from __future__ import annotations

import io
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageCms, ImageOps
from sklearn.datasets import load_sample_image

from zoo.data.center_crop import resize_and_center_crop
from zoo.data.decode import decode_image
from zoo.data.methods import METHODS
from zoo.weights.preprocessing import Preprocessing, preprocess_input

IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
HALF = (127.5,) * 3, (127.5,) * 3
GOLDEN = np.load(pathlib.Path(__file__).with_name("preprocessing.npz"))
MADE_BY = {
    "torchvision_224_of_256_bilinear": Preprocessing(224, 256, "bilinear", *IMAGENET),
    "torchvision_224_of_232_bilinear_tall": Preprocessing(224, 232, "bilinear", *IMAGENET),
    "torchvision_299_of_342_bilinear": Preprocessing(299, 342, "bilinear", *IMAGENET),
    "timm_176_of_201_bicubic": Preprocessing(176, 201, "bicubic", *HALF),
    "timm_288_of_288_bicubic_tall": Preprocessing(288, 288, "bicubic", *IMAGENET),
}
PLAIN = Preprocessing(4, 4, "bilinear", (0.0,) * 3, (1.0,) * 3)
GREY = Preprocessing(4, 4, "bilinear", (0.0,), (1.0,))


@pytest.fixture(scope="module")
def photo():
    return load_sample_image("china.jpg")


@pytest.mark.parametrize("name", GOLDEN)
def test_what_torchvision_and_timm_make_of_a_photo(name, photo):
    picture = photo[:, :301] if name.endswith("tall") else photo
    preprocessing = MADE_BY[name]
    images = preprocess_input(picture, preprocessing)
    side = preprocessing.image_size
    assert images.shape == (1, side, side, 3) and images.dtype == np.float32
    # Two levels: JPEG decoders differ by one.
    levels = np.float32(preprocessing.std) * (images[0, ::9, ::9] - GOLDEN[name])
    assert np.abs(levels).max() < 2


@pytest.mark.parametrize("change", [
    {"resizing": "bicubic"}, {"eval_resize": 257}, {"mean": HALF[0]},
])
def test_the_photo_tells_what_is_wrong(change, photo):
    name = "torchvision_224_of_256_bilinear"
    wrong = Preprocessing(**{**vars(MADE_BY[name]), **change})
    levels = np.float32(IMAGENET[1]) * (preprocess_input(photo, wrong)[0, ::9, ::9] - GOLDEN[name])
    assert np.abs(levels).max() > 5


@pytest.mark.parametrize("shape, expected", [
    ((224, 224, 3), (224, 256, HALF[0])),  # its own size: nothing changes
    ((192, 192, 3), (192, 219, HALF[0])),  # 192 * 256 / 224 = 219.4
    ((448, 448, 1), (448, 512, (127.5,))),  # grey: the mean of the three
    ((224, 192, 3), None),
    ((224, 224, 4), (224, 256, (*HALF[0], HALF[0][0]))),
    ((None, None, 3), (224, 256, HALF[0])),
    ((None, 192, 3), (192, 219, HALF[0])),
])
def test_for_another_input(shape, expected):
    found = Preprocessing(224, 256, "bicubic", *HALF).for_input(shape)
    if expected is None:
        assert found is None
    else:
        assert (found.image_size, found.eval_resize, found.mean) == expected
        assert found.std == expected[2] and found.resizing == "bicubic"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("height, width", [(97, 131), (300, 200), (40, 50)])
def test_every_resizing_of_a_run_equals_its_evaluation_to_a_level(method, height, width, photo):
    picture = photo[:height, :width]
    known = Preprocessing(48, 56, method, (0.0,) * 3, (1.0,) * 3)
    expected = resize_and_center_crop(tf.constant(picture), 48, 56, method).numpy()
    difference = np.abs(preprocess_input(picture, known)[0] - expected.astype("float32"))
    # The short side of the picture is 56; TensorFlow scales both sides by their own rounded
    # numbers, Pillow rounds the filters' weights.
    assert difference.max() <= 3 and difference.mean() < 0.3


@pytest.mark.parametrize("height, width", [(224, 500), (420, 224), (31, 47), (47, 31), (97, 97)])
def test_any_size_and_form(height, width, photo):
    """By hand: Pillow's resize to (int(232 * long / short), 232), then the middle."""
    picture = photo[:height, :width]
    long = int(232 * max(height, width) / min(height, width))
    scaled = (long, 232) if width > height else (232, long)
    left, top = (round((side - 224) / 2) for side in scaled)
    resized = Image.fromarray(picture).resize(scaled, Image.Resampling.BILINEAR)
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)), "float32")
    images = preprocess_input(picture, Preprocessing(224, 232, "bilinear", (0,) * 3, (1,) * 3))
    np.testing.assert_array_equal(images[0], expected)


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "area"])
@pytest.mark.parametrize("eval_resize, height, width", [
    (256, 5, 400), (256, 400, 5), (1500, 1600, 5000), (1500, 5000, 1600),
])
def test_a_panorama_is_what_pillow_makes_of_the_whole(method, eval_resize, height, width):
    """By hand as above: over 4 million resized pixels, of which 224x224 are seen."""
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 1), "uint8")
    long = int(eval_resize * max(height, width) / min(height, width))
    scaled = (long, eval_resize) if width > height else (eval_resize, long)
    left, top = (round((side - 224) / 2) for side in scaled)
    # Where an area grows, it is bilinear.
    name = {"bilinear": "BILINEAR", "bicubic": "BICUBIC",
            "area": "BOX" if eval_resize < min(height, width) else "BILINEAR"}[method]
    resized = Image.fromarray(picture[..., 0]).resize(scaled, Image.Resampling[name])
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)), "float32")
    images = preprocess_input(picture, Preprocessing(224, eval_resize, method, (0,), (1,)))
    np.testing.assert_array_equal(images[0, :, :, 0], expected)


@pytest.mark.parametrize("height, width, method", [
    (1, 60000, "bicubic"), (4, 8000, "bilinear"), (60000, 1, "bicubic_aliased"),
])
def test_a_panorama_takes_megabytes(height, width, method):
    """It was 1.2 GB for 4x8000, and over 10 GB for 1x60000."""
    code = f"""
import resource
import numpy as np
from zoo.weights.preprocessing import Preprocessing, preprocess_input
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
known = Preprocessing(224, 256, {method!r}, (127.5,) * 3, (127.5,) * 3)
preprocess_input(np.zeros((300, 300, 3), "uint8"), known)
before = peak()
preprocess_input(np.zeros(({height}, {width}, 3), "uint8"), known)
print((peak() - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 50


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


def in_mode(picture: Image.Image, mode: str) -> Image.Image:
    """The same colours, as a file of that mode gives them."""
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        return ImageCms.profileToProfile(picture, *profiles, outputMode="LAB")
    if mode.startswith("I;16"):
        order = "big" if mode == "I;16B" else "little"
        levels = np.asarray(picture.convert("L")).astype("uint16") * 257
        data = levels.astype(">u2" if order == "big" else "<u2").tobytes()
        return Image.frombytes(mode, picture.size, data)
    if mode in ("La", "RGBa", "PA"):
        return picture.convert({"La": "LA", "RGBa": "RGBA", "PA": "P"}[mode]).convert(mode)
    return picture.convert(mode)


@pytest.mark.parametrize("mode, most", [
    ("RGB", 0), ("RGBA", 0), ("RGBa", 0), ("RGBX", 0), ("CMYK", 0), ("YCbCr", 4), ("HSV", 6),
    ("LAB", 30), ("P", 60), ("PA", 60),
])
def test_colours_of_every_mode_are_the_colours_of_the_picture(mode, most, photo):
    """most: levels that the mode's own roundings are wrong by; its raw numbers are off by 200."""
    picture = in_mode(Image.fromarray(photo), mode)
    assert picture.mode == mode
    levels = preprocess_input(picture, Preprocessing(224, 224, "bilinear", (0,) * 3, (1,) * 3),
                              resize=False)[0]
    difference = np.abs(levels - photo)
    assert difference.max() <= most and difference.mean() <= most / 3


@pytest.mark.parametrize("mode", ["L", "LA", "La", "I;16", "I;16B", "I;16L", "F"])
def test_grey_of_every_mode(mode, photo):
    picture = Image.fromarray(photo)
    grey = Preprocessing(224, 224, "bilinear", (0,), (1,))
    levels = preprocess_input(in_mode(picture, mode), grey, resize=False)[0, :, :, 0]
    assert np.abs(levels - np.asarray(picture.convert("L"))).max() <= (0.5 if mode == "F" else 0)


def test_black_and_white(photo):
    picture = Image.fromarray(photo).convert("1")
    levels = preprocess_input(picture, Preprocessing(224, 224, "bilinear", (0,), (1,)),
                              resize=False)
    assert set(np.unique(levels)) == {0, 255}


@pytest.mark.parametrize("mode, save", [
    ("RGBA", {}), ("LA", {}), ("P", {"transparency": 3}), ("1", {}), ("I;16", {}),
])
def test_a_file_opened_by_pillow_is_what_the_decoder_makes_of_it(mode, save, photo):
    """Transparency and 16 bits, too."""
    picture = in_mode(Image.fromarray(photo), mode)
    if mode in ("RGBA", "LA"):
        picture.putalpha(Image.fromarray(photo[..., 0]))
    file = io.BytesIO()
    picture.save(file, "png", **save)
    expected = decode_image(tf.constant(file.getvalue()), 3).numpy()
    known = Preprocessing(224, 224, "bilinear", (0,) * 3, (1,) * 3)
    np.testing.assert_array_equal(
        preprocess_input(Image.open(file), known, resize=False)[0], expected
    )


@pytest.mark.parametrize("orientation", ["exif", "ignored"])
@pytest.mark.parametrize("noted", range(1, 9))
def test_a_picture_of_pillow_lies_as_its_file_does(noted, orientation, photo):
    exif = Image.Exif()
    exif[0x0112] = noted
    file = io.BytesIO()
    Image.fromarray(photo[:90, :70]).save(file, "png", exif=exif)
    known = Preprocessing(40, 48, "bilinear", (0,) * 3, (1,) * 3, orientation=orientation)
    opened = Image.open(file)
    expected = preprocess_input(file.getvalue(), known)
    np.testing.assert_array_equal(preprocess_input(opened, known), expected)
    np.testing.assert_array_equal(preprocess_input([opened, opened.convert("RGBA")], known)[1:],
                                  expected)
    turned_by_the_app = ImageOps.exif_transpose(opened)
    upright = preprocess_input(np.asarray(turned_by_the_app), known)
    np.testing.assert_array_equal(preprocess_input(turned_by_the_app, known), upright)
    assert noted == 1 or (orientation == "exif") == (np.abs(upright - expected).max() == 0)


@pytest.mark.parametrize("picture", [Image.new("I", (8, 8)), [Image.new("I", (8, 8))]])
def test_a_mode_of_unknown_levels_is_refused(picture):
    with pytest.raises(ValueError, match="got a PIL image of mode 'I'; expected one of 1, L, LA"):
        preprocess_input(picture, PLAIN)


def test_grey_pictures(photo):
    grey = photo.mean(axis=2).astype("uint8")
    three = preprocess_input(grey, MADE_BY["timm_176_of_201_bicubic"])
    assert three.shape == (1, 176, 176, 3)
    np.testing.assert_array_equal(three[..., 0], three[..., 2])
    network_of_one = Preprocessing(176, 201, "bicubic", (127.5,), (127.5,))
    one = preprocess_input(grey[:, :, None], network_of_one)
    np.testing.assert_array_equal(one[..., 0], three[..., 0])


def test_without_resizing_any_size_is_left_and_floats_are_not_rounded():
    pictures = np.linspace(0, 255, 2 * 5 * 7 * 3).reshape(2, 5, 7, 3)
    images = preprocess_input(pictures, Preprocessing(224, 256, "bicubic", *HALF), resize=False)
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
    ({"image_size": 0}, "got image_size=0; expected a size of 1 to 8192"),
    ({"image_size": 10**6}, "got image_size=1000000; expected a size of 1 to 8192"),
    ({"eval_resize": 3}, "got eval_resize=3; expected a size of image_size=4 to 8192"),
    ({"eval_resize": 10**9}, "got eval_resize=1000000000; expected a size of image_size=4 to 8192"),
    ({"resizing": "nearest"}, r"got resizing='nearest'; expected one of \['bilinear'"),
    ({"mean": (1.0, 2.0)}, "expected a number a channel in each"),
    ({"mean": (), "std": ()}, "expected a number a channel in each"),
    ({"mean": (-1.0,) * 3}, "expected means in 0..255"),
    ({"std": (0.0,) * 3}, "deviations over 0"),
])
def test_a_preprocessing_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        Preprocessing(**{**vars(PLAIN), **change})
