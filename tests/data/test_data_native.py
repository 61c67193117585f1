"""The ops that Numba compiles: against closed forms and PIL, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import difference
from PIL import Image

from zoo.data.methods import METHODS
from zoo.data.native.resample import resample
from zoo.data.native.window import random_resized_window


def mean_of_box(image: np.ndarray, box: tuple[float, ...], size: int) -> np.ndarray:
    """float64 [size,size,C]: means over parts of pixels, as differences of an integral."""
    for axis in (0, 1):
        borders = box[axis] + box[axis + 2] * np.arange(size + 1) / size
        image = np.moveaxis(image, axis, 0)
        integral = np.concatenate([np.zeros_like(image[:1]), np.cumsum(image, axis=0)])
        low = np.minimum(np.floor(borders).astype(int), len(image) - 1)
        part = (borders - low)[:, None, None]
        at_borders = integral[low] * (1 - part) + integral[low + 1] * part
        image = np.moveaxis(np.diff(at_borders, axis=0) * size / box[axis + 2], 0, axis)
    return image


@settings(max_examples=60, deadline=None)
@given(
    corner=st.tuples(*[st.integers(0, 90 * 8)] * 2),  # eighths of a pixel
    sides=st.tuples(*[st.integers(50 * 8, 150 * 8)] * 2),
    size=st.integers(1, 50),
    channels=st.sampled_from([1, 3, 4]),
)
def test_the_area_of_any_box(corner, sides, size, channels):
    image = np.random.default_rng(size).integers(0, 256, (160, 180, channels), np.uint8)
    top, left = (at / 8 for at in corner)
    box = (top, left, min(sides[0] / 8, 160 - top), min(sides[1] / 8, 180 - left))
    got = resample(tf.constant(image), tf.constant(box), size, "area")
    assert got.shape == (size, size, channels)
    want = mean_of_box(image.astype(np.float64), box, size)
    assert np.abs(got.numpy() - want).max() < 0.502


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [9, 40, 150, 224, 700])
def test_a_box_of_whole_pixels_is_what_pil_cuts_out_and_resizes(photos, method, size):
    top, left, height, width = 11, 37, 401, 333
    want = Image.fromarray(photos[0]).crop((left, top, left + width, top + height)).resize(
        (size, size), Image.Resampling[method.upper()]
    )
    box = tf.constant([top, left, height, width], tf.float32)
    gap = difference(resample(tf.constant(photos[0]), box, size, method), want)
    print(f"\n{method} {size}: mean {gap.mean():.3f}, most {gap.max()}")
    assert gap.mean() < 0.25 and gap.max() <= (16 if method == "bicubic" else 1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [7, 100, 300])
def test_channels_and_images_do_not_mix(photos, method, size):
    """Three channels have a loop of their own; a pixel outside of the box has no part in it."""
    photo = photos[1][:200, :260]
    box = tf.constant([3.0, 5.5, 190.0, 254.5])
    together = resample(tf.constant(photo), box, size, method).numpy()
    for channel in range(3):
        alone = resample(tf.constant(photo[..., channel : channel + 1]), box, size, method)
        gap = difference(alone[..., 0], together[..., channel])
        assert gap.max() <= 1 and gap.mean() < 0.01  # a half may be rounded the other way

    framed = photo.copy()
    framed[:3], framed[193:], framed[:, :5] = 0, 255, 90
    np.testing.assert_array_equal(resample(tf.constant(framed), box, size, method), together)

    blocks = np.stack([[photo, framed], [photo[::-1], framed[:, ::-1]]])
    got = resample(tf.constant(blocks), box, size, method)
    for row in range(2):
        for column in range(2):
            want = resample(tf.constant(blocks[row, column]), box, size, method)
            np.testing.assert_array_equal(got[row, column], want)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 300)])
def test_a_constant_stays_constant(method, shape):
    for level in (0, 1, 128, 255):
        image = tf.fill([*shape, 3], tf.constant(level, tf.uint8))
        for size in (1, 2, 31):
            box = tf.constant([0.0, 0.0, *shape])
            assert (resample(image, box, size, method).numpy() == level).all()


def test_several_threads_at_once(photos):
    """Ten thousand resizings by eight threads, each the same as alone."""
    photo = tf.constant(photos[0][:64, :80])
    boxes = tf.constant([[i, j, 40.0 - i, 60.0 - j] for i in range(10) for j in range(10)])
    alone = tf.stack([resample(photo, box, 24, "bilinear") for box in boxes])
    together = tf.data.Dataset.from_tensor_slices(boxes).repeat(100).map(
        lambda box: resample(photo, box, 24, "bilinear"), num_parallel_calls=8
    )
    assert together.element_spec == tf.TensorSpec([24, 24, 3], tf.uint8)
    for batch in together.batch(100):
        np.testing.assert_array_equal(batch, alone)


def test_what_cannot_be_resampled_is_an_error():
    image = tf.zeros([10, 20, 3], tf.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected images .* box of 4 numbers"):
        resample(image, tf.zeros([3]), 4, "area")
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected images .* box of 4 numbers"):
        resample(image[0], tf.constant([0.0, 0, 1, 1]), 4, "area")


LAST = float(np.nextafter(np.float32(1), np.float32(0)))


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(1, 5000), width=st.integers(1, 5000),
    draws=st.lists(
        st.tuples(*[st.sampled_from([0.0, LAST]) | st.floats(0, LAST, width=32)] * 4),
        min_size=1, max_size=10,
    ),
    area=st.tuples(*[st.floats(0.01, 1)] * 2).map(sorted),
    ratio=st.tuples(*[st.floats(0.2, 5)] * 2).map(sorted),
)
def test_any_window_is_inside_and_of_a_size_that_was_asked_for(height, width, draws, area, ratio):
    window = random_resized_window(tf.constant([height, width]), tf.constant(draws), area, ratio)
    top, left, rows, columns = window.numpy().tolist()
    assert 0 <= top and 0 <= left and 1 <= rows and 1 <= columns
    assert top + rows <= height and left + columns <= width
    # Half a pixel of rounding on each side.
    assert columns - 0.51 <= ratio[1] * (rows + 0.51) or rows == 1
    assert columns + 0.51 >= ratio[0] * (rows - 0.51) or columns == 1


def test_the_first_attempt_that_fits_is_taken():
    size = tf.constant([100, 100])
    too_wide, fits, other = (LAST, LAST, 0, 0), (0.25, 0.5, LAST, 0.0), (0.5, 0.5, 0.5, 0.5)
    window = random_resized_window(size, tf.constant([too_wide, fits, other]), (0, 1), (0.5, 2))
    assert window.numpy().tolist() == [50, 0, 50, 50]
    window = random_resized_window(size, tf.constant([other, fits]), (0.0, 1.0), (0.5, 2.0))
    assert window.numpy().tolist() == [15, 15, 71, 71]


def test_what_the_window_cannot_be_made_of_is_an_error():
    for size, draws in (([3], [[0.0] * 4]), ([3, 4], [[0.0] * 3])):
        with pytest.raises(tf.errors.InvalidArgumentError, match="expected size .2., draws .N,4."):
            random_resized_window(tf.constant(size), tf.constant(draws), (0.1, 1), (0.5, 2))
