"""WebP files, still and animated, decoded in a TensorFlow graph."""

from __future__ import annotations

from zoo.data.file_parts import bytes_at, equal, find_part, number_of, traced_once
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_HEAD = 30  # bytes: of the file, and its first chunk, where it is an extended file
_ANIMATED, _TRANSPARENT = 2, 16  # bits of that chunk's flags
# TensorFlow takes animations with transparency alone, also where all of it is opaque.
_FLAGS = bytes([_ANIMATED | _TRANSPARENT])
_PLAIN_ANIMATION = b"ANIM\6\0\0\0\0\0\0\0\0\0"  # an empty background


def decode_webp(encoded: tf.Tensor) -> tf.Tensor:
    """The bytes of a file, string scalar -> uint8 [H,W,3], of an animation the first frame.

    Raises:
      tf.errors.InvalidArgumentError: no WebP, or a damaged one.
    """
    head = bytes_at(encoded, tf.constant(0, tf.int64), _HEAD)
    animated = equal(head[12:16], b"VP8X") & (head[20] & _ANIMATED > 0)
    image = tf.cond(
        animated, lambda: _decode_animated(encoded),
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    return tf.ensure_shape(image, [None, None, 3])


def _decode_animated(encoded: tf.Tensor) -> tf.Tensor:
    # TensorFlow decodes all frames, of which there may be thousands: it gets a file of the first.
    frames = tf.io.decode_image(traced_once(_first_frame)(encoded), channels=4)
    return tf.ensure_shape(frames, [None, None, None, 4])[0, :, :, :3]


def _first_frame(encoded: tf.Tensor) -> tf.Tensor:
    """The bytes of an animation of one frame."""
    def read(position: tf.Tensor) -> tuple[tf.Tensor, ...]:
        head = bytes_at(encoded, position, 8)
        size = number_of(head[4:], little=True)
        return tf.constant(True), equal(head[:4], b"ANMF"), size, size + size % 2 + 8

    frame = find_part(encoded, start=12, head_size=8, read=read)
    padding = tf.where(tf.strings.length(frame) % 2 == 1, b"\0", b"")
    rest = tf.strings.join([
        "WEBPVP8X\x0a\0\0\0", _FLAGS, tf.strings.substr(encoded, 21, _HEAD - 21), _PLAIN_ANIMATION,
        "ANMF", _four_bytes(tf.strings.length(frame)), frame, padding,
    ])
    return tf.strings.join(["RIFF", _four_bytes(tf.strings.length(rest)), rest])


def _four_bytes(number: tf.Tensor) -> tf.Tensor:
    """int32 scalar -> string scalar, the lowest byte first."""
    texts = tf.constant([bytes([value]) for value in range(256)])
    return tf.strings.reduce_join(tf.gather(texts, number // [1, 2**8, 2**16, 2**24] % 256))
