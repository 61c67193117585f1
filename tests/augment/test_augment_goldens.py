"""Against MXNet's augmenters and TensorFlow Addons: see goldens/README.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from augment_references import fixed
from PIL import Image
from sklearn.datasets import load_sample_images

from zoo.augment import parse_policy
from zoo.augment.pixels import affine
from zoo.augment.pixels.rectangle import around
from zoo.augment.pixels.warp import warp

GOLDENS = Path(__file__).parent / "goldens"
MXNET = np.load(GOLDENS / "mxnet.npz")
ADDONS = np.load(GOLDENS / "addons.npz")


def changed(spec: str, image, parameters) -> np.ndarray:
    """The op on copies of `image`, as many as there are parameters."""
    (op,) = parse_policy(spec).ops
    images = tf.constant(np.repeat(image[None].astype(np.float32), len(parameters), 0))
    return op.apply(images, tf.zeros([len(parameters), 1]), tf.constant(parameters))[0].numpy()


def test_the_crops_are_of_the_photo():
    photo = load_sample_images().images[0]
    np.testing.assert_array_equal(MXNET["image"], photo[100:116, 200:216])
    np.testing.assert_array_equal(ADDONS["image"], photo[100:132, 200:232])


@pytest.mark.parametrize("name, tolerance", [
    ("brightness", 1e-3), ("contrast", 1e-3), ("saturation", 1e-3),
    # MXNet's two matrices, of three digits, are inverse to each other to 0.001: at no turn they
    # change a level by up to 0.5, ours by none.
    ("hue", 1.0),
])
def test_mxnet_jitter(name, tolerance):
    draws = MXNET["draws"] + (0 if name == "hue" else 1)
    got = changed(f"{name}(0.4)", MXNET["image"], draws)
    want = np.clip(MXNET[name], 0, 255)  # MXNet's are floats of any range
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)
    assert np.abs(got - MXNET["image"]).max() > 10


def test_mxnet_lighting():
    got = changed("lighting(0.1)", MXNET["image"], MXNET["alphas"])
    np.testing.assert_allclose(got, np.clip(MXNET["lighting"], 0, 255), rtol=0, atol=1e-3)


def test_hsb_is_mxnets_three_in_a_row():
    """Of MXNet's formulas, at one draw for all three."""
    (op,) = parse_policy("hsb(0.4)").ops
    for draw in MXNET["draws"]:
        image = tf.constant(MXNET["image"][None])
        one = tf.constant([draw])
        got = op.apply(image, tf.zeros([1, 1]), (one, 1 + one, 1 + one))[0]
        step = MXNET["hue"][MXNET["draws"] == draw][0]
        grey = step @ np.float32([0.299, 0.587, 0.114])
        step = (1 + draw) * ((1 + draw) * step - draw * grey[..., None])
        np.testing.assert_allclose(got[0], np.clip(step, 0, 255), rtol=0, atol=2.0)


def through(maps) -> np.ndarray:
    images = np.repeat(ADDONS["image"][None].astype(np.float32), len(maps), 0)
    return warp(tf.constant(images), tf.constant(maps), fill=128, interpolation="nearest").numpy()


def assert_nearly_all_equal(got, want):
    """But for pixels whose source lies on the border of two: Addons rounds floats."""
    assert got.shape == want.shape
    for one, other in zip(got, want, strict=True):
        assert np.mean(np.any(one != other, -1)) < 0.02


def test_addons_rotate():
    maps = affine.fixed_point(affine.rotation(tf.constant(ADDONS["degrees"]), 32)).numpy()
    assert_nearly_all_equal(through(maps), ADDONS["rotate"])


def test_addons_translate():
    x, y = tf.constant(ADDONS["shifts"].T)
    maps = affine.fixed_point(affine.translation(x, y)).numpy()
    np.testing.assert_array_equal(through(maps), ADDONS["translate"])


def test_addons_shear():
    # Addons shears about the middle of the first pixel, PIL and we about its corner.
    shears = ADDONS["shears"]
    across = fixed([[1, x, -x / 2, 0, 1, 0] for x in shears])
    down = fixed([[1, 0, 0, x, 1, -x / 2] for x in shears])
    assert_nearly_all_equal(through(across), ADDONS["shear_x"])
    assert_nearly_all_equal(through(down), ADDONS["shear_y"])


def test_addons_equalize():
    got = changed("equalize", ADDONS["image"], np.array([True]))
    np.testing.assert_array_equal(got[0], ADDONS["equalize"])


def test_addons_sharpness():
    got = changed("sharpness(1.0)", ADDONS["image"], np.float32(ADDONS["factors"]))
    # Addons cuts the smoothed levels, then the blend, to whole ones.
    np.testing.assert_allclose(got, ADDONS["sharpness"], rtol=0, atol=2.0)


def test_addons_cutout():
    rectangle = around(tf.constant([[3, 20]]), 8, 32).numpy()
    got = changed("cutout(8, value=128)", ADDONS["image"], rectangle)
    np.testing.assert_array_equal(got[0], ADDONS["cutout"])


@pytest.mark.parametrize("degrees", [-170.0, -30.0, 12.5, 90.0, 180.0])
def test_rotation_is_pils(degrees):
    image = Image.fromarray(ADDONS["image"])
    want = image.rotate(degrees, Image.Resampling.NEAREST, fillcolor=(128, 128, 128))
    maps = affine.fixed_point(affine.rotation(tf.constant([degrees]), 32)).numpy()
    assert_nearly_all_equal(through(maps), np.asarray(want)[None])
