"""Decoding, resizing and cropping against PIL, on real photos and digits."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from conftest import encode
from PIL import Image

from zoo.data import decode_image, random_resized_crop, resize_and_center_crop
from zoo.data.decode import as_channels, crop_window, is_image, resize

FORMATS = [
    ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"),
    ("PNG", "P"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "1"), ("BMP", "RGB"), ("BMP", "RGBA"),
    ("BMP", "L"), ("BMP", "P"), ("GIF", "P"), ("GIF", "L"), ("WEBP", "RGB"),
]  # fmt: skip


def in_pil(encoded: bytes, mode: str = "RGB") -> np.ndarray:
    image = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB").convert(mode))
    return image if image.ndim == 3 else image[..., None]


def difference(a, b) -> np.ndarray:
    return np.abs(np.asarray(a, np.int32) - np.asarray(b, np.int32))


@pytest.mark.parametrize(("kind", "mode"), FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_decoding_equals_pil(photos, digits, kind, mode, channels):
    in_graph = tf.function(lambda encoded: decode_image(encoded, channels))
    for image in (photos[0], np.ascontiguousarray(photos[1][:101, :77]), digits[0][1234]):
        encoded = encode(image, kind, mode)
        want = in_pil(encoded, "L" if channels == 1 else "RGB")
        for decoded in (decode_image(encoded, channels), in_graph(encoded)):
            assert decoded.dtype == tf.uint8
            np.testing.assert_array_equal(decoded, want)
        assert bool(is_image(encoded))


def test_a_png_of_16_bits_keeps_its_high_bits(photos):
    grey = np.asarray(Image.fromarray(photos[0]).convert("L"))
    file = io.BytesIO()
    Image.fromarray(grey.astype(np.uint16) * 256 + 77).save(file, "PNG")
    np.testing.assert_array_equal(decode_image(file.getvalue(), 1)[..., 0], grey)


def test_a_gif_gives_its_first_frame(digits):
    frames = [Image.fromarray(image[..., 0]) for image in digits[0][:900:300]]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode_image(file.getvalue(), 1), digits[0][0])


def test_bytes_that_are_no_image_are_told_apart(photos):
    for wrong in (b"", b"<html>", b"RIFF1234WAVE", b"II*\x00 a TIFF"):
        assert not bool(is_image(wrong))
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(encode(photos[0])[:3000], 3)


@pytest.mark.parametrize(("image_size", "eval_resize"),
                         [(224, 256), (96, 96), (448, 512), (33, 77)])
def test_resizing_for_evaluation_is_close_to_pil(photos, image_size, eval_resize):
    """Mean difference measured: 0.08 to 0.16 of 255 levels, at most 1."""
    for photo in (photos[0], photos[1][:, 100:350], photos[1]):
        height, width = photo.shape[:2]
        short = min(height, width)
        size = (eval_resize * width // short, eval_resize * height // short)
        whole = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR))
        top = round((size[1] - image_size) / 2)
        left = round((size[0] - image_size) / 2)
        want = whole[top : top + image_size, left : left + image_size]
        got = resize_and_center_crop(tf.constant(photo), image_size, eval_resize)
        assert got.shape == (image_size, image_size, 3)
        gap = difference(got, want)
        print(f"\n{image_size} of {eval_resize}: mean {gap.mean():.3f}, most {gap.max()}")
        assert gap.mean() < 0.25 and gap.max() <= 1


@pytest.mark.parametrize("size", [17, 32, 64])
def test_resizing_a_whole_digit_is_close_to_pil(digits, size):
    for image in digits[0][::700]:
        want = Image.fromarray(image[..., 0]).resize((size, size), Image.Resampling.BILINEAR)
        gap = difference(resize(tf.constant(image), size)[..., 0], want)
        assert gap.mean() < 0.25 and gap.max() <= 1


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


def test_channels_follow_pil(photos):
    grey = as_channels(tf.constant(photos[0]), 1)
    np.testing.assert_array_equal(grey[..., 0], Image.fromarray(photos[0]).convert("L"))
    assert (as_channels(grey, 3).numpy() == grey.numpy()).all()
    with pytest.raises(ValueError, match="channels out of range, got 4; expected 1 or 3"):
        as_channels(grey, 4)


def test_a_resize_below_the_crop_is_an_error(photos):
    with pytest.raises(ValueError, match="eval_resize too small, got 200; expected at least"):
        resize_and_center_crop(tf.constant(photos[0]), 224, 200)


def draw_windows(height, width, count, area=(0.08, 1.0), ratio=(3 / 4, 4 / 3)):
    size = tf.constant([height, width])

    @tf.function
    def draw():
        return tf.map_fn(
            lambda i: crop_window(size, area=area, ratio=ratio, seed=tf.stack([11, i])),
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
        options = {"area": (0.1, 0.6), "ratio": (0.5, 2.0), "seed": tf.constant([3, number])}
        got = random_resized_crop(tf.constant(encoded), 64, 3, **options)
        want = random_resized_crop(decoded, 64, 3, **options)
        assert got.shape == (64, 64, 3) and got.dtype == tf.uint8
        gap = difference(got, want)
        assert gap.mean() < 0.05 if kind == "JPEG" else gap.max() == 0
        assert gap.max() <= 16


def test_a_crop_is_what_pil_makes_of_its_window(photos):
    seed, size = tf.constant([1, 2]), 96
    window = crop_window(tf.constant(photos[1].shape[:2]), area=(0.2, 0.9), ratio=(0.7, 1.4),
                         seed=seed)
    top, left, height, width = window.numpy().tolist()
    picture = Image.fromarray(photos[1]).crop((left, top, left + width, top + height))
    want = picture.resize((size, size), Image.Resampling.BILINEAR)
    got = random_resized_crop(tf.constant(photos[1]), size, 3, area=(0.2, 0.9), ratio=(0.7, 1.4),
                              seed=seed)
    gap = difference(got, want)
    assert gap.mean() < 0.25 and gap.max() <= 1
