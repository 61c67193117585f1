"""What each signature answers, to good requests and to bad ones, with both rules for bad images."""

from __future__ import annotations

import io
import resource
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

import zoo
from zoo.export.each_image import MOST_PIXELS
from zoo.export.exporting import export_model


@pytest.fixture(scope="module")
def fails(finished_run):
    """The signatures of what a run exports. The model is kept: they do not hold its variables."""
    return tf.saved_model.load(str(finished_run / "export" / "1"))


@pytest.fixture(scope="module")
def flags(finished_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("models")
    version = export_model(zoo.load_model(finished_run), out, on_bad_image="flag")
    return tf.saved_model.load(str(version))


def ask(loaded, signature, name, values):
    dtype = loaded.signatures[signature].structured_input_signature[1][name].dtype
    answer = loaded.signatures[signature](**{name: tf.constant(values, dtype)})
    return {name: value.numpy() for name, value in answer.items()}


@pytest.fixture(scope="module")
def picture():
    """Larger than the network's images, of other sides, with something in each corner."""
    levels = np.random.default_rng(0).integers(0, 255, (7, 9, 3), np.uint8)
    return Image.fromarray(levels).resize((63, 49), Image.Resampling.NEAREST)


def written(image, kind="PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned_by_a_phone(image):
    exif = Image.Exif()
    exif[0x0112] = 6
    return written(image, "JPEG", exif=exif, quality=95)


def of_16_bits(image):
    return written(Image.fromarray(np.asarray(image.convert("L")).astype("u2") * 257))


def animated(kind):
    return lambda image: written(
        image, kind, save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180)]
    )


def head_of_png(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(
        ">I", zlib.crc32(header)
    )


ANSWERED = {
    "grey": lambda image: written(image.convert("L")),
    "RGBA": lambda image: written(image.convert("RGBA")),
    "CMYK": lambda image: written(image.convert("CMYK"), "JPEG"),
    "16 bits": of_16_bits,
    "animated GIF": animated("GIF"), "animated WebP": animated("WEBP"),
    "turned": turned_by_a_phone,
    "1 bit": lambda image: written(image.convert("1"), "BMP"),
    "1x1": lambda image: written(image.resize((1, 1))),
    "20,000 wide": lambda image: written(image.resize((20_000, 30))),
    "20,000 high": lambda image: written(image.resize((30, 20_000)), "BMP"),
}
NOT_ANSWERED = {
    "empty": (lambda image: b"", "empty"),
    "text": (lambda image: b"<html>", "no JPEG, PNG, GIF, BMP or WebP"),
    "TIFF": (lambda image: written(image, "TIFF"), "no JPEG, PNG, GIF, BMP or WebP"),
    "cut": (lambda image: written(image, "JPEG")[:-300], "truncated or damaged"),
    "cut in its head": (lambda image: written(image, "JPEG")[:30], "truncated or damaged"),
    "changed": (lambda image: written(image)[:60] + bytes(40), "truncated or damaged"),
    "20,000 x 20,000": (lambda image: head_of_png(20_000, 20_000), "more than 100000000 pixels"),
    "GIF of 60,000": (lambda image: b"GIF89a" + struct.pack("<HH", 60_000, 60_000), "more than"),
    "BMP of 2**31": (
        lambda image: written(image, "BMP")[:18] + struct.pack("<ii", 2**31 - 1, -(2**31))
        + bytes(99), "more than",
    ),
    "WebP of 2**14": (
        lambda image: b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + b"\xff\x3f\0" * 2
        + bytes(20), "more than",
    ),
}


@pytest.mark.parametrize("kind", ANSWERED)
def test_pictures_of_every_kind_are_answered(fails, picture, kind):
    encoded = ANSWERED[kind](picture)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded)))
    if upright.mode.startswith("I"):
        upright = Image.fromarray((np.asarray(upright) // 256).astype("u1"))
    same = written(upright.convert("RGB"))  # its pixels by Pillow
    answer = ask(fails, "encoded", "image_bytes", [encoded, same])
    probabilities = answer["probabilities"]
    np.testing.assert_allclose(probabilities[0], probabilities[1], atol=1e-6)
    if kind not in ("1x1", "20,000 wide", "20,000 high"):
        other = ask(fails, "encoded", "image_bytes", [written(picture.rotate(90))])
        assert np.abs(other["probabilities"] - probabilities).max() > 1e-3


@pytest.mark.parametrize("kind", NOT_ANSWERED)
def test_a_picture_that_cannot_be_read(fails, flags, picture, kind):
    write, reason = NOT_ANSWERED[kind]
    good, bad = written(picture), write(picture)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(tf.errors.InvalidArgumentError,
                       match=f"image 2 of the batch, counted from 0, cannot be read: {reason}"):
        ask(fails, "encoded", "image_bytes", [good, good, bad, b""])
    alone = ask(fails, "encoded", "image_bytes", [good])  # the next request works
    flagged = ask(flags, "encoded", "image_bytes", [good, bad, good])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
    assert flagged["error"][1].decode().startswith(reason)
    assert flagged["error"][[0, 2]].tolist() == [b"", b""]
    np.testing.assert_allclose(flagged["probabilities"][2], alone["probabilities"][0], atol=1e-6)
    assert flagged["class_name"][0] == flagged["class_name"][2] == alone["class_name"][0]
    assert np.isnan(flagged["probabilities"][1]).all()
    assert np.isnan(flagged["top_5_probabilities"][1]).all()
    assert flagged["class_index"][1] == -1 and flagged["class_name"][1] == b""
    assert (flagged["top_5_class_indices"][1] == -1).all()
    assert (flagged["top_5_class_names"][1] == b"").all()


def example(**values) -> bytes:
    features = {
        name.replace("_", "/"): tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
        for name, value in values.items()
    }
    return tf.train.Example(
        features=tf.train.Features(feature=features)
    ).SerializeToString()


def test_examples_answer_as_the_bytes_in_them(fails, flags, picture):
    encoded = written(picture, "JPEG")
    asked = [example(image_encoded=[encoded], image_class_label=[b"7"])]
    want = ask(fails, "encoded", "image_bytes", [encoded])
    got = ask(fails, "examples", "examples", asked)
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value)
    none = "no tf.train.Example with one image/encoded"
    wrong = [b"oops", example(), example(image_encoded=[encoded, encoded]), b""]
    flagged = ask(flags, "examples", "examples", [*asked, *wrong, example(image_encoded=[b"x"])])
    assert [text.decode() for text in flagged["error"]] == [
        "", none, none, none, none, "no JPEG, PNG, GIF, BMP or WebP"
    ]
    assert flagged["class_index"][0] == want["class_index"][0]
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"image 1 of the batch.*{none}"):
        ask(fails, "examples", "examples", [*asked, *wrong])


def test_levels_in_whole_numbers_and_not(fails, flags, digits):
    images = digits[0][:7]
    want = ask(fails, "serving_default", "images", images.astype("f4"))
    got = ask(fails, "uint8", "images", images)
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value)
    broken = images.astype("f4")
    broken[3, 5, 5, 0], broken[5, 0, 0, 0] = np.nan, np.inf
    flagged = ask(flags, "serving_default", "images", broken)
    assert np.flatnonzero(flagged["error"]).tolist() == [3, 5]
    assert flagged["error"][3] == b"values that are not finite"
    np.testing.assert_array_equal(flagged["class_index"][:3], want["class_index"][:3])
    assert flagged["class_index"][[3, 5]].tolist() == [-1, -1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="image 3 .* values that are not fin"):
        ask(fails, "serving_default", "images", broken)
    for wrong in (np.zeros((1, 29, 28, 1), "f4"), np.zeros((28, 28, 1), "f4")):
        with pytest.raises((tf.errors.InvalidArgumentError, TypeError, ValueError)):
            ask(fails, "serving_default", "images", wrong)


def test_the_five_likeliest(fails, finished_run, digits):
    answer = ask(fails, "uint8", "images", digits[0][:50])
    order = np.argsort(-answer["probabilities"], axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(answer["top_5_class_indices"], order)
    np.testing.assert_array_equal(answer["class_index"], order[:, 0])
    np.testing.assert_array_equal(
        answer["top_5_probabilities"], np.take_along_axis(answer["probabilities"], order, 1)
    )
    names = np.array((finished_run / "classes.txt").read_text().split(), "S")
    assert (answer["top_5_class_names"].astype("S") == names[order]).all()
    assert (answer["class_name"].astype("S") == names[order[:, 0]]).all()


@pytest.mark.parametrize("signature, name, shape", [
    ("serving_default", "images", (0, 28, 28, 1)), ("uint8", "images", (0, 28, 28, 1)),
    ("encoded", "image_bytes", (0,)), ("examples", "examples", (0,)),
])
def test_no_image_gets_no_answer(fails, flags, signature, name, shape):
    """Kernels of convolutions refuse an empty batch; a server may well get one."""
    for loaded in (fails, flags):
        answer = ask(loaded, signature, name, np.zeros(shape, "f4" if len(shape) > 1 else object))
        assert answer.pop("error", np.zeros(0)).shape == (0,)
        assert {name: (value.shape, value.dtype) for name, value in answer.items()} == {
            "probabilities": ((0, 10), "f4"), "class_index": ((0,), "i8"),
            "class_name": ((0,), "O"), "top_5_probabilities": ((0, 5), "f4"),
            "top_5_class_indices": ((0, 5), "i8"), "top_5_class_names": ((0, 5), "O"),
        }


def test_another_rule_is_refused(finished_run, tmp_path):
    with pytest.raises(ValueError, match="^--on_bad_image: got 'skip'; expected one of fail, flag"):
        export_model(zoo.load_model(finished_run), tmp_path / "models", on_bad_image="skip")
    assert not (tmp_path / "models").exists() and MOST_PIXELS == 10**8
