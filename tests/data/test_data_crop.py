"""Random windows and what is decoded of them, on real photos."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import tensorflow as tf
from image_files import FORMATS, difference, encode
from PIL import Image, ImageFilter

from zoo.data.crop import crop_and_resize, random_resized_window, scale_jitter_window
from zoo.data.decode import decode_image


def draw_windows(height, width, count, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3)):
    size = tf.constant([height, width])

    @tf.function
    def draw():
        return tf.map_fn(
            lambda i: random_resized_window(size, area=area, ratio=ratio, seed=tf.stack([11, i])),
            tf.range(count),
        )

    return draw().numpy()


def test_windows_have_the_asked_distribution():
    height, width, count = 400, 500, 3000
    windows = draw_windows(height, width, count)
    top, left, rows, columns = windows.T
    assert (top >= 0).all() and (left >= 0).all() and (rows > 0).all() and (columns > 0).all()
    assert (top + rows <= height).all() and (left + columns <= width).all()
    areas = rows * columns / (height * width)
    ratios = columns / rows
    assert 0.079 < areas.min() < 0.09 and areas.max() > 0.85
    assert 0.74 < ratios.min() < 0.77 and 1.30 < ratios.max() < 1.35
    # The same in NumPy: attempts that do not fit are drawn anew, which favours
    # small windows.
    rng = np.random.default_rng(0)
    drawn = rng.uniform(0.08, 1, 40000) * height * width
    shape = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), 40000))
    w, h = np.round(np.sqrt(drawn * shape)), np.round(np.sqrt(drawn / shape))
    fits = (w <= width) & (h <= height)
    want_areas, want_ratios = (w * h)[fits] / (height * width), (w / h)[fits]
    for got, want in ((areas, want_areas), (np.log(ratios), np.log(want_ratios))):
        for part in (0.1, 0.25, 0.5, 0.75, 0.9):
            gap = np.mean(got < np.quantile(want, part)) - part
            assert abs(gap) < 5 * np.sqrt(part * (1 - part) / count), (part, gap)
    # The corner is uniform over the room that is left.
    for corner, room in ((top, height - rows), (left, width - columns)):
        place = (corner + 0.5) / (room + 1)
        assert abs(place.mean() - 0.5) < 5 * 0.289 / np.sqrt(count)
        assert abs(place.std() - 0.289) < 0.02


@pytest.mark.parametrize(("size", "want"), [
    ((10, 100), (10, 13)),  # too wide: ratio 4/3 at most
    ((100, 10), (13, 10)),  # too high: ratio 3/4 at least
    ((50, 50), (50, 50)),
])
def test_without_a_window_that_fits_the_centre_is_taken(size, want):
    [window] = draw_windows(*size, 1, area=(1.0, 1.0), ratio=(3 / 4, 4 / 3))
    if size[0] != size[1]:
        assert tuple(window[2:]) == want
        assert abs(2 * window[0] + window[2] - size[0]) <= 1
        assert abs(2 * window[1] + window[3] - size[1]) <= 1


def test_tiny_images_can_be_cropped():
    for size in ((1, 1), (1, 9), (2, 3)):
        windows = draw_windows(*size, 50)
        assert (windows[:, :2] >= 0).all() and (windows[:, 2:] >= 1).all()
        assert (windows[:, 0] + windows[:, 2] <= size[0]).all()
        assert (windows[:, 1] + windows[:, 3] <= size[1]).all()


@pytest.mark.parametrize(("kind", "mode"), FORMATS)
def test_a_crop_of_a_file_equals_the_crop_of_the_image(photos, kind, mode):
    """A JPEG's window is decoded alone: chroma at its border is smoothed a little differently."""
    encoded = encode(photos[0], kind, mode)
    decoded = decode_image(encoded, 3)
    for number in range(3):
        window = functools.partial(
            random_resized_window, area=(0.1, 0.6), ratio=(0.5, 2.0), seed=tf.constant([3, number])
        )
        got = crop_and_resize(tf.constant(encoded), 64, 3, window, "bilinear")
        want = crop_and_resize(decoded, 64, 3, window, "bilinear")
        assert got.shape == (64, 64, 3) and got.dtype == tf.uint8
        gap = difference(got, want)
        assert gap.mean() < 0.05 if kind == "JPEG" else gap.max() == 0
        assert gap.max() <= 16


@pytest.mark.parametrize("size", [20, 50, 100, 200, 300])
@pytest.mark.parametrize("window", [
    (16, 40, 384, 416), (13, 27, 401, 403), (0, 0, 427, 640), (7, 229, 420, 411),
])
def test_a_jpeg_that_is_decoded_at_a_fraction_of_its_size(photos, size, window):
    """The mean of blocks of pixels, but for the chroma's, which JPEG stores at half its size.

    A window that starts within a block has parts of blocks. This photo is all fine detail: windows
    up to 7 pixels beside are 2 to 14 levels off.
    """
    encoded = tf.constant(encode(photos[0], quality=95))
    window_of = functools.partial(lambda window, _: window, tf.constant(window))
    got = crop_and_resize(encoded, size, 3, window_of, "area")
    want = crop_and_resize(decode_image(encoded, 3), size, 3, window_of, "area")
    gap = difference(got, want)
    print(f"\n{size}: mean {gap.mean():.3f}, most {gap.max()}")
    assert gap.mean() < (2 if window == (16, 40, 384, 416) else 6)


@pytest.mark.parametrize(("method", "resampling"), [
    ("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC),
])
def test_a_crop_is_what_pil_makes_of_its_window(photos, method, resampling):
    window_of = functools.partial(
        random_resized_window, area=(0.2, 0.9), ratio=(0.7, 1.4), seed=tf.constant([1, 2])
    )
    top, left, height, width = window_of(tf.constant(photos[1].shape[:2])).numpy().tolist()
    picture = Image.fromarray(photos[1]).crop((left, top, left + width, top + height))
    want = picture.resize((96, 96), resampling)
    gap = difference(crop_and_resize(tf.constant(photos[1]), 96, 3, window_of, method), want)
    assert gap.mean() < 0.25 and gap.max() <= (16 if method == "bicubic" else 1)


def test_windows_of_scale_jitter_have_the_asked_distribution():
    height, width, count = 375, 500, 2000
    seeds = tf.stack([tf.fill([count], 5), tf.range(count)], axis=1)
    windows = tf.map_fn(
        lambda seed: scale_jitter_window(
            tf.constant([height, width]), 224, short_side=(256, 480), seed=seed
        ),
        seeds,
    ).numpy()
    top, left, rows, columns = windows.T
    assert (rows == columns).all() and (top >= 0).all() and (left >= 0).all()
    assert (top + rows <= height).all() and (left + columns <= width).all()
    short_sides = height * 224 / rows  # that the image would be resized to
    for part in (0.1, 0.25, 0.5, 0.75, 0.9):
        # A window has whole pixels: half of one is up to 0.8 % of the short side.
        gap = np.mean(short_sides < 256 + part * (480 - 256)) - part
        assert abs(gap) < 5 * np.sqrt(part * (1 - part) / count) + 0.01, (part, gap)
    for corner, room in ((top, height - rows), (left, width - columns)):
        place = (corner + 0.5) / (room + 1)
        assert abs(place.mean() - 0.5) < 5 * 0.289 / np.sqrt(count)
        assert abs(place.std() - 0.289) < 0.02
        # Where it is tells nothing of how large it is.
        assert abs(np.corrcoef(place, short_sides)[0, 1]) < 5 / np.sqrt(count)


def test_each_corner_of_a_small_room_is_as_likely():
    count = 1000
    seeds = tf.stack([tf.fill([count], 7), tf.range(count)], axis=1)
    windows = tf.map_fn(
        lambda seed: scale_jitter_window(tf.constant([5, 5]), 4, short_side=(5, 5), seed=seed),
        seeds,
    ).numpy()
    assert (windows[:, 2:] == 4).all() and set(windows[:, :2].ravel()) == {0, 1}
    assert np.abs(windows[:, :2].mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(count)


def test_an_unknown_orientation_is_refused_for_decoded_images_too():
    with pytest.raises(ValueError, match="unknown orientation, got 'up'; expected one of"):
        crop_and_resize(tf.zeros([4, 4, 3], tf.uint8), 2, 3, lambda size: tf.constant([0, 0, 4, 4]),
                        orientation="up")


def test_scale_jitter_equals_resizing_first_and_cropping_then(photos):
    """Of a blurred photo: a window's corner has whole pixels of the one image or the other."""
    photo = Image.fromarray(photos[0]).filter(ImageFilter.GaussianBlur(6))
    image = tf.constant(np.asarray(photo))
    width, height = photo.size
    for number in range(4):
        window = scale_jitter_window(
            tf.constant([height, width]), 224, short_side=(256, 480), seed=tf.constant([9, number])
        )
        top, left, side, _ = window.numpy().tolist()
        scale = 224 / side
        resized = photo.resize(
            (round(width * scale), round(height * scale)), Image.Resampling.BILINEAR
        )
        corner = (round(left * scale), round(top * scale))
        want = resized.crop((*corner, corner[0] + 224, corner[1] + 224))
        got = crop_and_resize(image, 224, 3, lambda _, window=window: window, "bilinear")
        gap = difference(got, want)
        print(f"\nscale jitter: mean {gap.mean():.3f}")
        assert gap.mean() < 1.5
