"""Which way up a picture is, as its camera noted, read and obeyed in a TensorFlow graph.

    exif      turned upright by the EXIF orientation of JPEG, PNG and WebP files
    ignored   as it is stored: so the papers' recipes, and the earlier versions of this zoo, saw it

Read are the APP1 segment within the first 16 KB of a JPEG, before its tables, where the standard
wants it (JEITA CP-3451), PNG's eXIf chunk and WebP's EXIF chunk. What is damaged or missing counts
as upright. Pillow also asks XMP data and ImageMagick's text chunks where there is no EXIF; this
does not.
"""

from __future__ import annotations

import functools

from zoo.data.file_parts import bytes_at, equal, find_part, number_of, traced_once
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

CHOICES = ("exif", "ignored")
_NEAR = 16384  # bytes of a JPEG within which its EXIF data begins
_TAG, _SHORT = 0x0112, 3

# What the eight orientations ask for (EXIF 2.3, table 6): first rows and columns are exchanged,
# then rows are taken from the bottom, columns from the right.
_EXCHANGES, _UPSIDE_DOWN, _MIRRORED = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)


def check_orientation(orientation: str) -> None:
    """Raises ValueError for a rule that is not in `CHOICES`."""
    if orientation not in CHOICES:
        raise ValueError(
            f"unknown orientation, got {orientation!r}; expected one of {list(CHOICES)}"
        )


def of_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    """The EXIF orientation of a JPEG's bytes: int32 scalar, 1..8."""
    # Most training images have none, and to go through the segments costs a third of decoding one.
    hint = tf.strings.regex_full_match(tf.strings.substr(encoded, 0, _NEAR), r"\C*Exif\x00\x00\C*")
    return tf.cond(hint, lambda: traced_once(_in_segments)(encoded), lambda: tf.constant(1))


def of_png(encoded: tf.Tensor) -> tf.Tensor:
    """As `of_jpeg`, of a PNG's bytes."""
    return traced_once(_in_png)(encoded)


def of_webp(encoded: tf.Tensor) -> tf.Tensor:
    """As `of_jpeg`, of a WebP's bytes."""
    return traced_once(_in_webp)(encoded)


def _in_segments(encoded: tf.Tensor) -> tf.Tensor:
    def read(position: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = tf.strings.substr(encoded, position, 10)
        head = tf.io.decode_raw(head, tf.uint16, little_endian=False, fixed_length=10)
        marker, size, *name = tf.unstack(tf.cast(head, tf.int64))
        is_exif = (marker == 0xFFE1) & (name[0] == 0x4578) & (name[1] == 0x6966) & (name[2] == 0)
        # APP0 to APP15 and comments: the tables behind them begin with another one.
        goes_on = (marker >= 0xFFE0) & (marker <= 0xFFEF) | (marker == 0xFFFE)
        return goes_on, is_exif, size - 8, size + 2

    return _of_tiff(find_part(encoded, start=2, head_size=10, read=read))


def _in_png(encoded: tf.Tensor) -> tf.Tensor:
    def read(position: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = bytes_at(encoded, position, 8)
        name, size = head[4:], number_of(head[:4], little=False)
        return ~equal(name, b"IEND"), equal(name, b"eXIf"), size, size + 12

    return _of_tiff(find_part(encoded, start=8, head_size=8, read=read))


def _in_webp(encoded: tf.Tensor) -> tf.Tensor:
    def read(position: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = bytes_at(encoded, position, 8)
        name, size = head[:4], number_of(head[4:], little=True)
        return tf.constant(True), equal(name, b"EXIF"), size, size + size % 2 + 8

    found = find_part(encoded, start=12, head_size=8, read=read)
    # Some programs copy the head of a JPEG's segment, too.
    copied = tf.strings.substr(found, 0, 6) == b"Exif\0\0"
    return _of_tiff(tf.strings.substr(found, tf.where(copied, 6, 0), tf.strings.length(found)))


def turned(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """uint8 [H,W,C] as it is stored -> the picture upright, whose sides may be exchanged.

    orientation: int32 scalar, 1..8.
    """
    def turn() -> tf.Tensor:
        exchanges = _is_one_of(orientation, _EXCHANGES)
        axes = tf.where(exchanges, [1, 0, 2], [0, 1, 2])
        backwards = tf.stack([
            _is_one_of(orientation, _UPSIDE_DOWN), _is_one_of(orientation, _MIRRORED)
        ])
        return tf.reverse(tf.transpose(image, axes), tf.boolean_mask([0, 1], backwards))

    return tf.cond(orientation > 1, turn, lambda: tf.identity(image))


def upright_size(size: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """int32 [2], height and width as stored -> of the picture upright."""
    exchanges = _is_one_of(orientation, _EXCHANGES)
    return tf.cond(exchanges, lambda: tf.gather(size, [1, 0]), lambda: tf.identity(size))


def stored_window(window: tf.Tensor, size: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Where the pixels of a window of the upright picture are stored.

    window: int32 [4], top, left, height, width in the upright picture, whose height and width are
    `size`, int32 [2]. Returns int32 [4].
    """
    def find() -> tf.Tensor:
        corner, sides = window[:2], window[2:]
        backwards = tf.stack([
            _is_one_of(orientation, _UPSIDE_DOWN), _is_one_of(orientation, _MIRRORED)
        ])
        corner = tf.where(backwards, size - corner - sides, corner)
        there = tf.concat([corner, sides], 0)
        exchanges = _is_one_of(orientation, _EXCHANGES)
        return tf.where(exchanges, tf.gather(there, [1, 0, 3, 2]), there)

    return tf.cond(orientation > 1, find, lambda: tf.identity(window))


def _of_tiff(tiff: tf.Tensor) -> tf.Tensor:
    """int32, 1..8: the orientation in the first directory of EXIF data; 1 where there is none."""
    return tf.cond(
        tf.strings.length(tiff) > 0, lambda: _of_directory(tiff), lambda: tf.constant(1)
    )


def _of_directory(tiff: tf.Tensor) -> tf.Tensor:
    header = bytes_at(tiff, tf.constant(0, tf.int64), 8)
    little = equal(header[:4], b"II*\0")
    number = functools.partial(number_of, little=little)
    first = number(header[4:])
    count = tf.maximum(number(bytes_at(tiff, first, 2)), 1)
    entries = tf.reshape(bytes_at(tiff, first + 2, 12 * count), [-1, 12])
    asked = (
        (number(entries[:, :2]) == _TAG) & (number(entries[:, 2:4]) == _SHORT)
        & (number(entries[:, 4:8]) == 1)
    )
    values = tf.where(asked, number(entries[:, 8:10]), 1)
    value = tf.cast(tf.reduce_max(values), tf.int32)
    known = little | equal(header[:4], b"MM\0*")
    return tf.where(known & (value >= 1) & (value <= 8), value, 1)


def _is_one_of(orientation: tf.Tensor, values: tuple[int, ...]) -> tf.Tensor:
    return tf.reduce_any(orientation == tf.constant(values))
