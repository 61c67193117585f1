"""Crops for testing against PIL, and the batches of them, for images in memory and in files."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from image_files import difference
from PIL import Image

from zoo.data import eval_batches, resize_and_center_crop
from zoo.data.views import CROPS, Views, five_crops

IN_PIL = {"bilinear": "BILINEAR", "bicubic": "BICUBIC"}


def by_hand(photo: np.ndarray, size: int, short_side: int, resampling: str) -> np.ndarray:
    """uint8 [5,size,size,3]: resized as a whole, then cut; order and rounding of torchvision."""
    height, width = photo.shape[:2]
    short = min(height, width)
    width, height = short_side * width // short, short_side * height // short
    whole = Image.fromarray(photo).resize((width, height), Image.Resampling[resampling])
    right, bottom = width - size, height - size
    corners = [(0, 0), (right, 0), (0, bottom), (right, bottom),
               (round(right / 2), round(bottom / 2))]
    return np.stack([
        np.asarray(whole.crop((left, top, left + size, top + size))) for left, top in corners
    ])


@pytest.mark.parametrize("method", IN_PIL)
@pytest.mark.parametrize(("image_size", "short_side"),
                         [(224, 256), (224, 480), (224, 640), (64, 64), (33, 50)])
def test_five_crops_are_those_of_the_resized_image(photos, image_size, short_side, method):
    """Mean difference measured: 0.06 to 0.20 of 255 levels a crop."""
    for photo in (photos[0], photos[1][:, 100:351], photos[1][:300, :300]):
        want = by_hand(photo, image_size, short_side, IN_PIL[method])
        got = five_crops(tf.constant(photo), image_size, short_side, method)
        assert got.shape == (5, image_size, image_size, 3) and got.dtype == tf.uint8
        gaps = difference(got, want).mean(axis=(1, 2, 3))
        print(f"\n{method} {image_size} of {short_side}: means {gaps.round(3)}")
        assert gaps.max() < 0.25


@pytest.mark.parametrize("method", ["area", "bilinear_aliased", "bicubic_aliased"])
def test_the_fifth_is_the_centre_crop_by_every_method(photos, method):
    photo = tf.constant(photos[0])
    np.testing.assert_array_equal(
        five_crops(photo, 96, 131, method)[4], resize_and_center_crop(photo, 96, 131, method)
    )


def test_views_say_how_many_they_are_and_cut_in_order(photos):
    photo = tf.constant(photos[0])
    five = [five_crops(photo, 48, side) for side in (64, 90)]
    centre = [resize_and_center_crop(photo, 48, side)[None] for side in (64, 90)]
    for crops, want, num_views in (
        ("centre", centre, 2), ("flip", centre, 4), ("five_crop", five, 10), ("ten_crop", five, 20)
    ):
        views = Views(crops, (64, 90))
        cut = views.cut(photo, 48)
        assert len(cut) == views.num_crops and views.num_views == num_views
        assert views.mirrored == (num_views == 2 * len(cut))
        np.testing.assert_array_equal(cut, np.concatenate(want))


def test_a_batch_is_cut_as_its_images_are(digits):
    images, views = tf.constant(digits[0][::1000]), Views("five_crop", (28, 33))
    together = views.cut(images, 24)
    assert together.shape == (5, 10, 24, 24, 1)
    np.testing.assert_array_equal(together, [views.cut(image, 24) for image in images])


# An array, images of many sizes in memory, image files, records.
@pytest.mark.parametrize("kind", ["mnist5k", "folder", "folder-uncached", "tfrecord-uncached"])
@pytest.mark.parametrize("crops", CROPS)
def test_batches_hold_the_views_of_each_example_once(opened, kind, crops):
    split = opened[kind].splits["validation"]
    split = split.subset(np.arange(0, split.num_examples, max(1, split.num_examples // 20)))
    views, count = Views(crops, (26, 31)), split.num_examples
    options = {"image_size": 24, "channels": 3, "batch_size": 8}
    assert count % 8  # the last batch is not full
    dataset = eval_batches(split, views=views, **options)
    steps = -(-count // 8)
    assert dataset.cardinality() == steps
    assert dataset.element_spec[0].shape == (8, views.num_crops, 24, 24, 3)
    images, labels, mask = map(np.concatenate, zip(*dataset.as_numpy_iterator(), strict=True))
    np.testing.assert_array_equal(mask, np.arange(8 * steps) < count)
    assert not images[count:].any() and not labels[count:].any()
    # The centre crop of each scale, last of five, is what evaluation without views shows.
    per_scale = views.num_crops // 2
    for scale, side in enumerate(views.short_sides):
        alone = eval_batches(split, eval_resize=side, **options)
        want, want_labels, _ = map(np.concatenate, zip(*alone.as_numpy_iterator(), strict=True))
        np.testing.assert_array_equal(images[:, scale * per_scale + per_scale - 1], want)
        np.testing.assert_array_equal(labels, want_labels)
    if per_scale == 5:  # corners of a digit differ
        assert all((images[:count, 0] != images[:count, place]).any() for place in range(1, 5))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Views("nine_crop", (256,)),
     r"^unknown views, got 'nine_crop'; expected one of \['centre', 'flip'"),
    (lambda: Views("flip", ()), r"^short_sides out of range, got \(\); expected one or more"),
    (lambda: Views("flip", (256, 0)), r"^short_sides out of range, got \(256, 0\); expected"),
    (lambda: Views("flip", (256, 256)), "different numbers of pixels >= 1$"),
    (lambda: five_crops(tf.zeros([9, 9, 1], tf.uint8), 8, 7),
     "^short_side out of range, got 7; expected at least image_size=8$"),
    (lambda: five_crops(tf.zeros([9, 9, 1], tf.uint8), 8, 9, "cubic"), "^unknown resizing"),
])
def test_wrong_views_are_errors_of_one_line(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(("options", "message"), [
    ({"views": Views("ten_crop", (28, 20))},
     r"^short_sides out of range, got \(28, 20\); expected each at least image_size=24$"),
    ({}, "^got eval_resize=None and views=None; expected one of them$"),
    ({"eval_resize": 24, "views": Views("flip", (24,))}, "^got eval_resize=24 and views=Views"),
])
def test_wrong_arguments_of_the_batches_are_errors_of_one_line(opened, options, message):
    split = opened["mnist5k"].splits["validation"]
    with pytest.raises(ValueError, match=message):
        eval_batches(split, image_size=24, channels=1, batch_size=4, **options)
