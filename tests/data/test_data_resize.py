"""Resizing against PIL and OpenCV's definitions, on real photos and digits."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from image_files import difference
from PIL import Image

from zoo.data.center_crop import resize_and_center_crop
from zoo.data.methods import METHODS
from zoo.data.resize import resize

IN_PIL = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "area": "BOX"}


@pytest.mark.parametrize("method", IN_PIL)
@pytest.mark.parametrize(("image_size", "eval_resize"),
                         [(224, 256), (96, 96), (448, 512), (33, 77)])
def test_resizing_for_evaluation_is_close_to_pil(photos, image_size, eval_resize, method):
    """Mean difference measured: 0.08 to 0.16 of 255 levels, at most 1.

    Bicubic, at most 13: PIL clips to 0..255 between its two passes. BOX: whole pixels count, those
    whose centres are inside, so that rounding decides.
    """
    for photo in (photos[0], photos[1][:, 100:350], photos[1]):
        height, width = photo.shape[:2]
        short = min(height, width)
        size = (eval_resize * width // short, eval_resize * height // short)
        if method == "area" and short < eval_resize:
            continue  # PIL repeats pixels then
        resampling = Image.Resampling[IN_PIL[method]]
        whole = np.asarray(Image.fromarray(photo).resize(size, resampling))
        top = round((size[1] - image_size) / 2)
        left = round((size[0] - image_size) / 2)
        want = whole[top : top + image_size, left : left + image_size]
        got = resize_and_center_crop(tf.constant(photo), image_size, eval_resize, method)
        assert got.shape == (image_size, image_size, 3)
        gap = difference(got, want)
        print(f"\n{method} {image_size} of {eval_resize}: mean {gap.mean():.3f}, most {gap.max()}")
        assert gap.mean() < (1 if method == "area" else 0.25)
        assert method == "area" or gap.max() <= (16 if method == "bicubic" else 1)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [17, 32, 64])
def test_resizing_a_whole_digit_is_close_to_pil(digits, size, method):
    for image in digits[0][::700]:
        want = Image.fromarray(image[..., 0]).resize(
            (size, size), Image.Resampling[IN_PIL[method]]
        )
        gap = difference(resize(tf.constant(image), size, method)[..., 0], want)
        assert gap.mean() < 0.35 and gap.max() <= (16 if method == "bicubic" else 1)


def covered_means(image: np.ndarray, size: int) -> np.ndarray:
    """float64 [size,size,C]: the mean of what each output pixel covers, parts of pixels too."""
    for axis in (0, 1):
        length = image.shape[axis]
        borders = np.arange(size + 1) * length / size
        left = np.maximum(borders[:-1, None], np.arange(length))
        right = np.minimum(borders[1:, None], np.arange(length) + 1)
        weights = np.maximum(right - left, 0) * size / length
        image = np.moveaxis(np.tensordot(weights, image, (1, axis)), 0, axis)
    return image


def test_area_is_the_mean_of_what_is_covered(photos):
    photo = photos[0][:300, :410]
    got = resize(tf.constant(photo), 224, "area")
    assert np.abs(got.numpy() - covered_means(photo.astype(np.float64), 224)).max() < 0.51


@pytest.mark.parametrize("shape", [(100, 90), (100, 300)])
def test_area_is_bilinear_where_a_side_grows(photos, shape):
    part = tf.constant(photos[0][: shape[0], : shape[1]])
    np.testing.assert_array_equal(
        resize(part, 128, "area"), resize(part, 128, "bilinear_aliased")
    )


def two_tap_bilinear(image: np.ndarray, size: int) -> np.ndarray:
    """float64 [size,size,C]: between the two nearest pixel centres of each axis."""
    for axis in (0, 1):
        length = image.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        low = np.floor(place).astype(int)
        part = np.moveaxis(np.broadcast_to(place - low, (1, 1, size)), 2, axis)
        image = (np.take(image, low, axis) * (1 - part)
                 + np.take(image, np.minimum(low + 1, length - 1), axis) * part)
    return image


@pytest.mark.parametrize("size", [60, 224, 500])
def test_aliased_bilinear_takes_four_pixels(photos, size):
    photo = photos[1][:300, :410]
    got = resize(tf.constant(photo), size, "bilinear_aliased")
    assert np.abs(got.numpy() - two_tap_bilinear(photo.astype(np.float64), size)).max() < 0.51


@pytest.mark.parametrize("method", METHODS)
def test_evaluation_of_a_square_is_resizing(photos, method):
    """The kernel of training and TensorFlow's, which evaluation and SavedModels have."""
    square = tf.constant(photos[0][:300, :300])
    gap = difference(resize(square, 150, method), resize_and_center_crop(square, 150, 150, method))
    print(f"\n{method}: mean {gap.mean():.3f}, most {gap.max()}")
    assert gap.max() <= 1


def test_an_unknown_method_is_an_error(photos):
    for function in (lambda x: resize(x, 20, "cubic"),
                     lambda x: resize_and_center_crop(x, 20, 20, "cubic")):
        with pytest.raises(ValueError, match="unknown resizing, got 'cubic'; expected one of"):
            function(tf.constant(photos[0]))


def test_a_batch_is_resized_as_its_images_are(digits):
    images = digits[0][::1000]
    for function in (lambda x: resize(x, 20), lambda x: resize_and_center_crop(x, 20, 25)):
        together = function(tf.constant(images))
        one_by_one = [function(tf.constant(image)) for image in images]
        np.testing.assert_array_equal(together, np.stack(one_by_one))
    blocks = tf.reshape(tf.constant(images[:4]), [2, 2, 28, 28, 1])
    assert resize(blocks, 20).shape == (2, 2, 20, 20, 1)


def test_an_image_of_the_right_size_is_not_touched(digits):
    image = tf.constant(digits[0][3])
    assert resize(image, 28) is image
    assert resize_and_center_crop(image, 28, 28) is image
    unknown = tf.function(
        lambda x: resize_and_center_crop(x, 28, 28),
        input_signature=[tf.TensorSpec([None, None, 1], tf.uint8)],
    )
    np.testing.assert_array_equal(unknown(image), image)


def test_a_resize_below_the_crop_is_an_error(photos):
    with pytest.raises(ValueError, match="eval_resize too small, got 200; expected at least"):
        resize_and_center_crop(tf.constant(photos[0]), 224, 200)
