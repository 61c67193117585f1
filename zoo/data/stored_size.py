"""How many pixels an image file says that it has, read off its head in a TensorFlow graph."""

from __future__ import annotations

from collections.abc import Callable

from zoo.data.file_parts import bytes_at, equal, number_of, traced_once
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_HEAD = 32  # bytes; enough for all formats but JPEG, whose size comes behind its other segments


def pixels_of(encoded: tf.Tensor) -> tf.Tensor:
    """The bytes of a file, string scalar -> int64 scalar: height times width; 0 for no image.

    Raises:
      tf.errors.InvalidArgumentError: a JPEG whose size is not found.
    """
    def of_jpeg() -> tf.Tensor:
        return tf.reduce_prod(tf.cast(tf.image.extract_jpeg_shape(encoded)[:2], tf.int64))

    return tf.cond(tf.io.is_jpeg(encoded), of_jpeg, lambda: traced_once(_of_head)(encoded))


def _of_head(encoded: tf.Tensor) -> tf.Tensor:
    head = bytes_at(encoded, tf.constant(0, tf.int64), _HEAD)

    def number(start: int, stop: int, little: bool = True) -> tf.Tensor:
        return number_of(head[start:stop], little)

    def signed(start: int) -> tf.Tensor:  # rows of a BMP from above: its height is below 0
        value = number(start, start + 4)
        return tf.minimum(value, 2**32 - value)

    lossless = number(21, 25)  # 14 bits each, less one
    sizes: list[tuple[tf.Tensor, Callable[[], tf.Tensor]]] = [
        (equal(head[:4], b"\x89PNG"), lambda: number(16, 20, False) * number(20, 24, False)),
        (equal(head[:3], b"GIF"), lambda: number(6, 8) * number(8, 10)),
        (equal(head[:2], b"BM"), lambda: signed(18) * signed(22)),
        (equal(head[12:16], b"VP8X"), lambda: (number(24, 27) + 1) * (number(27, 30) + 1)),
        (equal(head[12:16], b"VP8L"),
         lambda: (lossless % 2**14 + 1) * (lossless // 2**14 % 2**14 + 1)),
        (equal(head[12:16], b"VP8 "), lambda: number(26, 28) % 2**14 * (number(28, 30) % 2**14)),
    ]
    return tf.case(sizes, default=lambda: tf.constant(0, tf.int64))
