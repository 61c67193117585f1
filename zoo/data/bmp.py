"""BMP files decoded in a TensorFlow graph: 24 and 32 bits a pixel, and palettes of 1, 4 and 8."""

from __future__ import annotations

from zoo.data.file_parts import traced_once
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def decode_bmp(encoded: tf.Tensor) -> tf.Tensor:
    """The bytes of a file, string scalar -> uint8 [H,W,3].

    Raises:
      tf.errors.InvalidArgumentError: no BMP, a damaged or compressed one, or one of 16 bits.
    """
    bits = _field(encoded, 28, tf.uint16)
    image = tf.cond(
        (bits == 1) | (bits == 4), lambda: traced_once(_decode_few_bits)(encoded),
        lambda: _decode_bytes(encoded),
    )
    return tf.ensure_shape(image, [None, None, 3])


def _decode_bytes(encoded: tf.Tensor) -> tf.Tensor:
    """TensorFlow reads 8 bits a pixel as grey; they are indices into a palette."""
    pixels = tf.io.decode_bmp(encoded, channels=0)
    return tf.cond(
        _field(encoded, 28, tf.uint16) == 8, lambda: _coloured(encoded, pixels[..., 0], 256),
        lambda: pixels[..., :3],
    )


def _decode_few_bits(encoded: tf.Tensor) -> tf.Tensor:
    """1 or 4 bits a pixel, the first in the highest bits of a byte; rows have whole 4 bytes.

    TensorFlow has no operation for them.
    """
    width, height = (tf.cast(_field(encoded, at, tf.int32), tf.int64) for at in (18, 22))
    bits = tf.where(_field(encoded, 28, tf.uint16) == 4, tf.constant(4, tf.int64), 1)
    bytes_a_row, rows = (width * bits + 31) // 32 * 4, tf.abs(height)
    known = (_field(encoded, 14, tf.int32) >= 40) & (_field(encoded, 30, tf.int32) == 0)
    enough = tf.cast(tf.strings.length(encoded), tf.int64) >= bytes_a_row * rows
    check = tf.debugging.Assert(
        known & (width > 0) & (rows > 0) & enough, ["BMP compressed, old or damaged"]
    )
    with tf.control_dependencies([check]):
        start = tf.cast(_field(encoded, 10, tf.int32), tf.int64)
    raw = tf.io.decode_raw(tf.strings.substr(encoded, start, bytes_a_row * rows), tf.uint8)
    raw = tf.cast(tf.reshape(raw, [rows, bytes_a_row, 1]), tf.int64)
    shifts = tf.range(8 - bits, -1, -bits)
    indices = tf.bitwise.bitwise_and(tf.bitwise.right_shift(raw, shifts), 2**bits - 1)
    indices = tf.reshape(indices, [rows, -1])[:, :width]
    # The lowest row comes first, unless the height is negative.
    indices = tf.cond(height > 0, lambda: indices[::-1], lambda: indices)
    return _coloured(encoded, indices, 2 ** tf.cast(bits, tf.int32))


def _coloured(encoded: tf.Tensor, indices: tf.Tensor, most: tf.Tensor | int) -> tf.Tensor:
    """Indices [H,W] into the palette of at most `most` colours -> uint8 [H,W,3]."""
    colours = _field(encoded, 46, tf.int32)
    colours = tf.where(colours == 0, most, colours)
    table = tf.strings.substr(encoded, 14 + _field(encoded, 14, tf.int32), 4 * colours)
    table = tf.reshape(tf.io.decode_raw(table, tf.uint8), [-1, 4])  # blue, green, red, unused
    return tf.gather(table[:, 2::-1], tf.cast(indices, tf.int32))


def _field(encoded: tf.Tensor, start: int, dtype: tf.DType) -> tf.Tensor:
    """A number of the headers, scalar."""
    return tf.io.decode_raw(tf.strings.substr(encoded, start, dtype.size), dtype)[0]
