"""From the bytes of an image file to a uint8 image, in a TensorFlow graph.

The one decoder: of training, evaluation, predictions, preprocess_input and SavedModels. It equals
PIL's to the bit for the formats both know. What a file holds decides, not its name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from zoo.data.bmp import decode_bmp
from zoo.data.orientation import check_orientation, of_jpeg, of_png, of_webp, turned
from zoo.data.webp import decode_webp
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def decode_image(encoded: tf.Tensor, channels: int, orientation: str = "exif") -> tf.Tensor:
    """Decodes JPEG (grey, colour, CMYK), PNG (to 16 bits), BMP, GIF and WebP (first frame).

    Transparency is dropped. Grey becomes three equal channels; colour becomes grey by PIL's
    weights 0.299, 0.587, 0.114.

    Args:
      encoded: string scalar.
      channels: 1 or 3.
      orientation: one of `zoo.data.orientation.CHOICES`.

    Returns:
      uint8 [H,W,channels].

    Raises:
      ValueError: another orientation or number of channels.
      tf.errors.InvalidArgumentError: no image, or a damaged one.
    """
    check_orientation(orientation)

    def upright(image: tf.Tensor, noted: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
        return turned(image, noted(encoded)) if orientation == "exif" else image

    def decode_jpeg() -> tf.Tensor:
        image = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
        return upright(image, of_jpeg)

    def decode_png_or_gif() -> tf.Tensor:
        image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        return tf.cond(_starts(encoded, b"\x89PNG"), lambda: upright(image, of_png), lambda: image)

    def decode_other() -> tf.Tensor:
        return tf.cond(
            _starts(encoded, b"RIFF"), lambda: upright(decode_webp(encoded), of_webp),
            decode_png_or_gif,
        )

    # Always decoded to three channels: the JPEG decoder cannot turn CMYK into grey, the PNG
    # decoder has other weights for grey than PIL. INTEGER_ACCURATE is what PIL uses; the default
    # is off by one level in the mean.
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        decode_jpeg,
        lambda: tf.cond(_starts(encoded, b"BM"), lambda: decode_bmp(encoded), decode_other),
    )
    return as_channels(tf.ensure_shape(image, [None, None, 3]), channels)


@functools.cache
def decoder(channels: int, orientation: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """`decode_image` of the bytes of a file, as a graph of its own that is traced once a process.

    Each data set would trace its hundreds of operations anew. Not put into the graph that calls it,
    where TensorFlow would go through a branch that is not taken, too.
    """
    decode = functools.partial(decode_image, channels=channels, orientation=orientation)
    return tf.function(
        decode, autograph=False, input_signature=[tf.TensorSpec([], tf.string)],
        experimental_attributes={"_noinline": True},
    )


def as_channels(images: tf.Tensor, channels: int) -> tf.Tensor:
    """uint8 [...,1 or 3] -> uint8 [...,channels]; grey is repeated, colour weighed as in PIL."""
    if channels not in (1, 3):
        raise ValueError(f"channels out of range, got {channels}; expected 1 or 3")
    if images.shape[-1] == channels:
        return images
    if channels == 3:
        return tf.repeat(images, 3, axis=-1)
    weights = tf.constant([19595, 38470, 7471])  # of 65536, as in PIL
    grey = tf.reduce_sum(tf.cast(images, tf.int32) * weights, axis=-1, keepdims=True)
    return tf.cast((grey + 32768) // 65536, tf.uint8)


def _starts(encoded: tf.Tensor, prefix: bytes) -> tf.Tensor:
    return tf.strings.substr(encoded, 0, len(prefix)) == prefix
