"""Decoding against PIL, on real photos and digits."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from image_files import FORMATS, encode
from PIL import Image

from zoo.data.bad_images import read_image
from zoo.data.decode import as_channels, decode_image
from zoo.data.image_format import format_of


def in_pil(encoded: bytes, mode: str = "RGB") -> np.ndarray:
    image = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB").convert(mode))
    return image if image.ndim == 3 else image[..., None]


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
        assert format_of(encoded[:32]).upper() == kind


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
    for wrong in (b"", b"<html>", b"RIFF1234WAVE", b"BMW drivers' handbook", b"\x89PNG"):
        assert format_of(wrong) == ""
    for kind in ("TIFF", "JPEG2000", "AVIF", "PPM", "ICO"):
        name = {"JPEG2000": "JPEG 2000", "PPM": "PNM"}.get(kind, kind)
        assert format_of(encode(photos[0], kind)[:32]) == name
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(encode(photos[0])[:3000], 3)


@pytest.mark.parametrize("encoded", [
    lambda photo: encode(photo, "BMP", "1"),
    lambda photo: encode(
        photo, "WEBP", save_all=True, append_images=[Image.new("RGB", (640, 427))]
    ),
], ids=["a BMP of 1 bit a pixel", "an animated WebP"])
def test_what_pillow_alone_decodes_is_not_called_damaged(photos, encoded):
    kind = "of a kind that Pillow reads and TensorFlow does not: store it as PNG or JPEG"
    with pytest.raises(ValueError, match=f"^(BMP|WebP) {kind}$"):
        read_image(encoded(photos[0]), 3)
    with pytest.raises(ValueError, match="truncated or damaged"):
        read_image(encoded(photos[0])[:200], 3)


def test_channels_follow_pil(photos):
    grey = as_channels(tf.constant(photos[0]), 1)
    np.testing.assert_array_equal(grey[..., 0], Image.fromarray(photos[0]).convert("L"))
    assert (as_channels(grey, 3).numpy() == grey.numpy()).all()
    with pytest.raises(ValueError, match="channels out of range, got 4; expected 1 or 3"):
        as_channels(grey, 4)
