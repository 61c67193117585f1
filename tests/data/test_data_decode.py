"""Decoding against PIL, on real photos and digits."""

from __future__ import annotations

import functools
import io
import resource
import struct

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


@functools.cache
def in_graph(channels: int):
    signature = [tf.TensorSpec([], tf.string)]  # else it would be traced for each file
    return tf.function(lambda encoded: decode_image(encoded, channels), input_signature=signature)


@pytest.mark.parametrize(("kind", "mode"), FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_decoding_equals_pil(photos, digits, kind, mode, channels):
    for image in (photos[0], np.ascontiguousarray(photos[1][:101, :77]), digits[0][1234]):
        encoded = encode(image, kind, mode)
        want = in_pil(encoded, "L" if channels == 1 else "RGB")
        for decoded in (decode_image(encoded, channels), in_graph(channels)(encoded)):
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


def four_bits(image: np.ndarray) -> bytes:
    """A BMP that Pillow reads and does not write, its rows from above."""
    height, width = image.shape[:2]
    pixels = np.asarray(Image.fromarray(image).quantize(16))
    pixels = np.pad(pixels, ((0, 0), (0, -width % 8)))
    palette = bytes(Image.fromarray(image).quantize(16).getpalette("BGRX"))
    rows = (pixels[:, ::2] << 4 | pixels[:, 1::2]).astype("u1").tobytes()
    header = struct.pack("<IiiHHIIiiII", 40, width, -height, 1, 4, 0, 0, 0, 0, 16, 0)
    start = 14 + len(header) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start) + header + palette + rows


def animated(image: np.ndarray, **options) -> bytes:
    frames = [Image.new("RGB", image.shape[1::-1], (level, 0, 0)) for level in range(5)]
    return encode(image, "WEBP", save_all=True, append_images=frames, **options)


@pytest.mark.parametrize("write", [
    lambda photo: encode(photo, "BMP", "1"), four_bits, animated,
    lambda photo: animated(photo, lossless=True), lambda photo: animated(photo, mode="RGBA"),
])
@pytest.mark.parametrize("width", [64, 77])
def test_few_bits_and_animations_equal_pil(photos, write, width):
    encoded = write(np.ascontiguousarray(photos[0][:101, :width]))
    np.testing.assert_array_equal(read_image(encoded, 3), in_pil(encoded))
    for cut in (20, 40, len(encoded) // 2):
        with pytest.raises(ValueError, match="truncated or damaged|no image"):
            read_image(encoded[:cut], 3)


def test_an_animation_takes_the_memory_of_one_frame(photos):
    """TensorFlow alone decodes all frames: these would take 240 MB."""
    frame, other = (Image.new("RGB", (1000, 1000), colour) for colour in ("red", "blue"))
    file = io.BytesIO()
    frame.save(file, "WEBP", save_all=True, append_images=[other, frame] * 30, method=0)
    read_image(encode(photos[0]), 3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert read_image(file.getvalue(), 3).shape == (1000, 1000, 3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # KiB


def test_what_pillow_alone_decodes_is_not_called_damaged(photos):
    encoded = bytearray(encode(photos[0], "BMP"))
    encoded[28] = 16  # bits a pixel
    kind = "of a kind that Pillow reads and TensorFlow does not: store it as PNG or JPEG"
    with pytest.raises(ValueError, match=f"^BMP {kind}$"):
        read_image(bytes(encoded), 3)


def test_channels_follow_pil(photos):
    grey = as_channels(tf.constant(photos[0]), 1)
    np.testing.assert_array_equal(grey[..., 0], Image.fromarray(photos[0]).convert("L"))
    assert (as_channels(grey, 3).numpy() == grey.numpy()).all()
    with pytest.raises(ValueError, match="channels out of range, got 4; expected 1 or 3"):
        as_channels(grey, 4)
