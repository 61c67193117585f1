"""One file of each kind that can and that cannot be read, met in each way they can be met."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from conftest import write_folder, write_records, wrong
from image_files import encode
from PIL import Image

from zoo.data import find_bad_images, open_source, train_batches
from zoo.data.bad_images import BadImagesError, named_errors


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is that large, and holds a few bytes."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b""))


def damaged(photo: np.ndarray, kind: str) -> bytes:
    content = bytearray(encode(photo, kind))
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)
    return bytes(content)


def sixteen_bits(photo: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo[..., 0].astype(np.uint16) * 257).save(file, "PNG")
    return file.getvalue()


# name -> (the file's bytes, what the reason says).
BAD = {
    "empty.jpg": (lambda photo: b"", "empty file"),
    "text.jpg": (lambda photo: b"<html>not found</html>", "no image (JPEG, PNG, BMP, GIF, WebP)"),
    "cut.jpg": (lambda photo: encode(photo)[:5000], "truncated"),
    "cut.png": (lambda photo: encode(photo, "PNG")[:5000], "truncated"),
    "cut.bmp": (lambda photo: encode(photo, "BMP")[:5000], "truncated"),
    "cut.webp": (lambda photo: encode(photo, "WEBP")[:5000], "truncated or damaged"),
    "damaged.png": (lambda photo: damaged(photo, "PNG"), "truncated or damaged"),
    "huge.png": (lambda photo: png_header(100_000, 100_000), "too large to be decoded"),
}
GOOD = {
    "grey.jpg": lambda photo: encode(photo, "JPEG", "L"),
    "cmyk.jpg": lambda photo: encode(photo, "JPEG", "CMYK"),
    "really_a_png.jpg": lambda photo: encode(photo, "PNG"),
    "really_a_jpeg.png": encode,
    "palette.gif": lambda photo: encode(photo, "GIF", "P"),
    "plain.bmp": lambda photo: encode(photo, "BMP"),
    "sixteen_bits.png": sixteen_bits,
    "transparent.png": lambda photo: encode(photo, "PNG", "RGBA"),
}


@pytest.fixture
def folder(tmp_path, photos):
    """An image folder with each of `GOOD` in training, once more in validation."""
    for split in ("train", "validation"):
        for name in ("china", "flower"):
            (tmp_path / split / name).mkdir(parents=True)
        for name, content in GOOD.items():
            (tmp_path / split / "china" / name).write_bytes(content(photos[0]))
        (tmp_path / split / "flower" / "a.jpg").write_bytes(encode(photos[1]))
    return tmp_path


def add_bad(folder, photos, split="train"):
    for name, (content, _) in BAD.items():
        (folder / split / "flower" / name).write_bytes(content(photos[0]))


def test_unusual_images_are_read(folder):
    source = open_source(f"folder:{folder}", cache_mb=0)
    assert find_bad_images(source.splits["train"]) == []
    images, _ = next(iter(train_batches(
        source.splits["train"], image_size=32, channels=3, batch_size=len(GOOD) + 1, seed=0,
        crop_area=None,
    )))
    assert images.numpy().std(axis=(1, 2, 3)).min() > 20


def test_each_bad_image_is_named_with_its_reason(folder, photos):
    add_bad(folder, photos)
    found = find_bad_images(open_source(f"folder:{folder}", cache_mb=0).splits["train"])
    assert {os.path.basename(image.name) for image in found} == set(BAD)
    for image in found:
        assert BAD[os.path.basename(image.name)][1] in image.reason, image


@pytest.mark.parametrize("name", BAD)
def test_one_bad_image_is_an_error_where_it_is_met(folder, photos, name):
    content, reason = BAD[name]
    path = folder / "train" / "flower" / name
    path.write_bytes(content(photos[0]))
    splits = open_source(f"folder:{folder}", cache_mb=0).splits
    for crop_area in (None, (0.9, 1.0)):
        batches = train_batches(splits["train"], image_size=32, channels=3,
                                batch_size=len(GOOD) + 2, seed=0, crop_area=crop_area)
        with pytest.raises(BadImagesError) as caught, named_errors(splits):
            next(iter(batches))
        message = str(caught.value)
        assert message.startswith(f"1 image of train cannot be read: {path}: ")
        assert reason in message
        assert message.endswith(". Fetch them again or remove them")
    # When the set is decoded at the start.
    wrong(f"1 image of train cannot be read: {path}: ", f"folder:{folder}")


def test_bad_training_images_are_left_out_when_asked(folder, photos):
    add_bad(folder, photos)
    for cache_mb in (0, 100):
        source = open_source(f"folder:{folder}", cache_mb=cache_mb, on_bad_image="skip")
        assert {os.path.basename(image.name) for image in source.skipped} == set(BAD)
        assert source.splits["train"].num_examples == len(GOOD) + 1
        batches = train_batches(source.splits["train"], image_size=32, channels=3,
                                batch_size=len(GOOD) + 1, seed=0)
        _, labels = next(iter(batches))
        assert sorted(labels.numpy()) == [0] * len(GOOD) + [1]


def test_bad_evaluation_images_are_never_left_out(folder, photos):
    add_bad(folder, photos, "validation")
    with pytest.raises(BadImagesError, match="8 images of validation cannot be read") as caught:
        open_source(f"folder:{folder}", on_bad_image="skip")
    assert "; and 3 more" in str(caught.value)


def test_a_set_of_bad_images_alone(folder):
    for path in (folder / "train").rglob("*.*"):
        path.write_bytes(b"")
    with pytest.raises(BadImagesError, match="9 images of train cannot be read"):
        open_source(f"folder:{folder}", on_bad_image="skip")
    with pytest.raises(ValueError, match="unknown on_bad_image, got 'ignore'; expected one of"):
        open_source(f"folder:{folder}", on_bad_image="ignore")


def test_a_file_that_is_gone(folder):
    splits = open_source(f"folder:{folder}", cache_mb=0).splits
    (folder / "train" / "flower" / "a.jpg").unlink()
    [found] = find_bad_images(splits["train"])
    assert found.reason == "cannot be opened (NotFoundError)"


def test_records(tmp_path, digits):
    """A record whose bytes changed on the disk fails its checksum."""
    pattern = f"tfrecord:{write_records(tmp_path, digits)}/{{split}}-*,classes=10"
    splits = open_source(pattern, cache_mb=0).splits
    train = splits["train"]
    path = train.files[train.file_of[5]]
    with open(path, "r+b") as file:
        # In the image: the record can still be parsed.
        file.seek(int(train.starts[5]) + train.read(5).index(b"IDAT") + 10)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    [found] = find_bad_images(train)
    assert found.row == 5 and found.name == train.row_name(5)
    assert found.reason == "damaged record, its checksum differs"
    source = open_source(pattern, cache_mb=0, on_bad_image="skip")
    assert source.splits["train"].num_examples == train.num_examples - 1


def test_records_that_cannot_be_parsed(tmp_path, digits):
    spec = f"tfrecord:{write_records(tmp_path, digits)}/{{split}}-*,classes=10"
    count = open_source(spec, cache_mb=0).splits["train"].num_examples
    path = tmp_path / "train-00001-of-00002"
    good = path.read_bytes()
    for number, serialized in enumerate((b"\xff\xff\xff", tf.train.Example().SerializeToString())):
        with tf.io.TFRecordWriter(str(tmp_path / "one")) as writer:
            writer.write(serialized)
        path.write_bytes(good + (tmp_path / "one").read_bytes())
        source = open_source(spec, cache_mb=0, on_bad_image="skip")
        [skipped] = source.skipped
        assert skipped.reason == "no tf.train.Example with an image and a label", number
        assert skipped.name == f"{path} record at byte {len(good)}"
        assert source.splits["train"].num_examples == count
        wrong(f"1 image of train cannot be read: {path} record at byte {len(good)}: no tf.train.E",
              spec)  # decoded at the start
        splits = open_source(spec, cache_mb=0).splits
        with pytest.raises(BadImagesError, match="1 image of train cannot be read"), \
                named_errors(splits):
            next(iter(train_batches(splits["train"], image_size=32, channels=3,
                                    batch_size=count + 1, seed=0)))


def test_errors_about_anything_else_pass(folder):
    splits = open_source(f"folder:{folder}", cache_mb=0).splits
    with pytest.raises(tf.errors.InvalidArgumentError, match="Incompatible shapes"), \
            named_errors(splits):
        tf.constant([1, 2]) + tf.constant([1, 2, 3])


def test_a_lack_of_memory_is_not_taken_for_a_bad_image(folder, photos):
    add_bad(folder, photos)
    splits = open_source(f"folder:{folder}", cache_mb=0).splits
    with pytest.raises(tf.errors.ResourceExhaustedError), named_errors(splits):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating a tensor")


def test_decoding_a_whole_set_stops_at_a_bad_image(tmp_path, digits):
    write_folder(tmp_path, digits)
    path = tmp_path / "train/four/3.gif"
    path.write_bytes((tmp_path / "train/four/0.jpeg").read_bytes()[:100])
    wrong(f"1 image of train cannot be read: {path}: truncated or damaged", f"folder:{tmp_path}")
