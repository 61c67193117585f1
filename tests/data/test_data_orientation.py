"""Which way up pictures are shown, against PIL's exif_transpose, on real photos."""

from __future__ import annotations

import dataclasses
import functools
import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from conftest import wrong
from image_files import difference, encode
from PIL import Image, ImageOps

from zoo.data import eval_batches, open_source, train_batches
from zoo.data.bad_images import read_image
from zoo.data.crop import crop_and_resize, random_resized_window
from zoo.data.decode import decode_image
from zoo.data.orientation import of_jpeg, of_png, of_webp
from zoo.data.splits import FileSplit

READERS = {"JPEG": of_jpeg, "PNG": of_png, "WEBP": of_webp}


def noted(image: np.ndarray, orientation: int, kind: str = "JPEG", **options) -> bytes:
    """An image file that says of itself how it is turned."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"  # the orientation is not alone in the directory
    exif[0x0112] = orientation
    return encode(image, kind, exif=exif, **options)


def exif_data(*entries: tuple[int, int, int, bytes], order: str = ">") -> bytes:
    """The directory of (tag, type, count, value): TIFF in this byte order."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    packed = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    return mark + struct.pack(f"{order}IH", 8, len(entries)) + packed


def with_exif(photo: np.ndarray, tiff: bytes) -> bytes:
    return encode(photo, exif=b"Exif\0\0" + tiff)


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("orientation", range(10))
def test_pictures_are_turned_as_pillow_turns_them(photos, kind, orientation):
    encoded = noted(photos[0][:83, :121], orientation, kind)
    with Image.open(io.BytesIO(encoded)) as image:
        as_stored, upright = np.asarray(image), np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(encoded, 3), upright)
    np.testing.assert_array_equal(read_image(encoded, 3, "ignored"), as_stored)
    assert read_image(encoded, 1).shape == (*upright.shape[:2], 1)


@pytest.mark.parametrize(("tiff", "want"), [
    (exif_data((0x0112, 3, 1, b"\0\x06\0\0")), 6),
    (exif_data((0x0112, 3, 1, b"\x06\0\0\0"), order="<"), 6),
    (exif_data((0x0110, 2, 4, b"abc\0"), (0x0112, 3, 1, b"\0\x08\0\0")), 8),
    (exif_data((0x0112, 3, 1, b"\x06\0\0\0")), 1),  # 1536
    (exif_data((0x0112, 3, 2, b"\0\x06\0\x06")), 1),  # two of them
    (exif_data((0x0112, 2, 1, b"\0\x06\0\0")), 1),  # a text
    (exif_data(), 1),
    (exif_data((0x0112, 3, 1, b"\0\x06\0\0"))[:12], 1),  # cut short
    (b"MM\0*\xff\xff\xff\xff\0\x01", 1),  # a directory far behind the end
    (b"MM\0*\0\0\0\x08\xff\xff", 1),  # of 65,535 entries
    (b"XX\0*" + exif_data((0x0112, 3, 1, b"\0\x06\0\0"))[4:], 1),
])
def test_exif_data_of_all_kinds(photos, tiff, want):
    """Both orders of bytes; what is damaged counts as upright."""
    assert int(of_jpeg(with_exif(photos[0][:9, :9], tiff))) == want


def test_damaged_files_do_not_fail_here(photos):
    for kind, reader in READERS.items():
        read = tf.function(reader, input_signature=[tf.TensorSpec([], tf.string)])
        encoded = noted(photos[0][:9, :9], 6, kind)
        assert int(read(encoded)) == 6
        for end in range(0, len(encoded), 3):
            assert 1 <= int(read(encoded[:end])) <= 8
        rng = np.random.default_rng(0)
        for _ in range(100):
            damaged = bytearray(encoded)
            damaged[rng.integers(len(damaged))] = rng.integers(256)
            assert 1 <= int(read(bytes(damaged))) <= 8


def test_exif_data_behind_other_segments(photos):
    encoded = with_exif(photos[0][:9, :9], exif_data((0x0112, 3, 1, b"\0\x03\0\0")))
    before = b"\xff\xfe\0\x06note" + b"\xff\xe2\x30\x00" + bytes(0x2FFE) + b"\xff\xe1\0\x06xmp."
    moved = encoded[:2] + before + encoded[2:]
    assert int(of_jpeg(moved)) == 3
    np.testing.assert_array_equal(read_image(moved, 3), read_image(encoded, 3))


# A window is smoothed a little differently at its border; `area` lets the decoder shrink it.
@pytest.mark.parametrize(("method", "host_ops", "gap"), [
    ("bilinear", "tensorflow", 0.6), ("area", "native", 3.0),
])
def test_training_windows_are_drawn_on_the_upright_picture(photos, method, host_ops, gap):
    window = functools.partial(
        random_resized_window, area=(0.2, 0.6), ratio=(0.5, 2.0), seed=tf.constant([7, 1]),
        host_ops=host_ops,
    )

    def cropper(kind: tf.TensorSpec, rule: str):
        crop = functools.partial(
            crop_and_resize, image_size=64, channels=3, window_of=window, method=method,
            host_ops=host_ops, orientation=rule,
        )
        return tf.function(crop, input_signature=[kind])

    of_image = cropper(tf.TensorSpec([None, None, 3], tf.uint8), "exif")
    of_file, of_stored = (cropper(tf.TensorSpec([], tf.string), rule)
                          for rule in ("exif", "ignored"))
    for orientation in range(1, 9):
        encoded = noted(photos[0], orientation, quality=95)
        want = of_image(read_image(encoded, 3))
        assert difference(of_file(encoded), want).mean() < gap, orientation
        as_stored = difference(of_stored(encoded), want).mean()
        assert as_stored > 10 if orientation > 1 else as_stored < gap


def test_a_folder_of_turned_pictures(tmp_path, photos):
    """In training, in evaluation, decoded once or in every epoch: the same upright pictures."""
    for split in ("train", "validation"):
        for name, photo in zip(("china", "flower"), photos, strict=True):
            (tmp_path / split / name).mkdir(parents=True)
            for orientation in (1, 6):  # 6: stored lying on its left side
                stored = np.rot90(photo) if orientation == 6 else photo
                path = tmp_path / split / name / f"{orientation}.png"
                path.write_bytes(noted(np.ascontiguousarray(stored), orientation, "PNG"))
    options = {"image_size": 32, "channels": 3, "batch_size": 4}
    for cache_mb, rule, different in ((0, "exif", 2), (100, "exif", 2), (0, "ignored", 4)):
        splits = open_source(f"folder:{tmp_path}", cache_mb=cache_mb, orientation=rule).splits
        [(evaluated, _, _)] = eval_batches(splits["validation"], eval_resize=32, **options)
        batches = train_batches(
            splits["train"], seed=0, crop_area=None, host_ops="tensorflow", **options
        )
        trained, _ = next(iter(batches))
        for images in (evaluated, trained):
            assert len(np.unique(images, axis=0)) == different


def test_wrong_orientations(tmp_path, photos):
    wrong("unknown orientation, got 'upright'; expected one of ['exif', 'ignored']", "mnist5k",
          orientation="upright")
    with pytest.raises(ValueError, match="unknown orientation, got ''"):
        decode_image(encode(photos[0]), 3, "")
    split = FileSplit(np.array(["a", "b"], object), np.arange(2, dtype=np.int32))
    split = dataclasses.replace(split, orientation="ignored")
    assert split.subset(np.array([1])).orientation == "ignored"
