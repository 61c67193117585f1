"""What training shows of an image: a random window, decoded, cut out and resized in one go."""

from __future__ import annotations

import functools
from collections.abc import Callable

from zoo.data import orientation as orientations
from zoo.data.decode import as_channels, decoder
from zoo.data.host_ops import load_ops
from zoo.data.methods import check_method
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_ATTEMPTS = 10


def crop_and_resize(
    image: tf.Tensor,
    image_size: int,
    channels: int,
    window_of: Callable[[tf.Tensor], tf.Tensor],
    method: str = "area",
    host_ops: str = "auto",
    orientation: str = "exif",
) -> tf.Tensor:
    """Cuts a window out and resizes it; of a JPEG only the window is decoded.

    A JPEG's window that is at least twice as large as it will be shown is decoded at a half, a
    quarter or an eighth of its size, if the method is `area`: the decoder then means over blocks
    of pixels, which is what `area` does.

    Args:
      image: uint8 [H,W,C], or a string scalar, the bytes of an image file.
      image_size: S, pixels.
      channels: 1 or 3.
      window_of: height and width int32 [2] -> top, left, height, width int32 [4]; of the upright
        picture, where the orientation is obeyed.
      method: one of `zoo.data.methods.METHODS`.
      host_ops: one of `zoo.data.host_ops.CHOICES`.
      orientation: of an image file, one of `zoo.data.orientation.CHOICES`.

    Returns:
      uint8 [S,S,channels].

    Raises:
      ValueError: an unknown method, host_ops or orientation.
      tf.errors.InvalidArgumentError: no image, a damaged one, or a window that is not within it.
    """
    check_method(method)
    orientations.check_orientation(orientation)
    ops = load_ops(host_ops)

    def of_decoded(decoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return decoded, tf.cast(window_of(tf.shape(decoded)[:2]), tf.float32), tf.constant(1)

    if image.dtype == tf.string:
        smallest = image_size if method == "area" else 0
        part, box, noted = tf.cond(
            tf.io.is_jpeg(image),
            lambda: _window_of_jpeg(image, window_of, smallest, ops, orientation),
            lambda: of_decoded(decoder(3, orientation)(image)),
        )
        part.set_shape([None, None, 3])
    else:
        part, box, noted = of_decoded(image)
    shown = ops.resample(part, box, image_size, method)
    if image.dtype == tf.string and orientation == "exif":
        # Turned when it is small. The window is as long as it is wide now, so its sides stay.
        shown = tf.ensure_shape(orientations.turned(shown, noted), shown.shape)
    return as_channels(shown, channels)


def _window_of_jpeg(
    encoded: tf.Tensor, window_of: Callable[[tf.Tensor], tf.Tensor], smallest: int, ops,
    orientation: str,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What is decoded, uint8 [h,w,3], the window in it, float32 [4], and the EXIF orientation.

    smallest: side that a window decoded at a fraction of its size may have, pixels; 0: never so.
    """
    size = tf.io.extract_jpeg_shape(encoded)[:2]
    noted = orientations.of_jpeg(encoded) if orientation == "exif" else tf.constant(1)
    size = orientations.upright_size(size, noted)
    window = orientations.stored_window(window_of(size), size, noted)
    part, box, halvings = ops.jpeg_part(window, smallest)

    def decode(halved: int) -> tf.Tensor:
        # What DCT: see decode_image.
        return tf.io.decode_and_crop_jpeg(
            encoded, part, channels=3, ratio=1 << halved, dct_method="INTEGER_ACCURATE"
        )

    if not smallest:
        return decode(0), box, noted
    # Nothing else in the branches: TensorFlow goes through those that are not taken, too.
    branches = [functools.partial(decode, halved) for halved in range(4)]
    return tf.switch_case(halvings, branches), box, noted


def random_resized_window(
    size: tf.Tensor,
    *,
    area: tuple[float, float],
    ratio: tuple[float, float],
    seed: tf.Tensor,
    host_ops: str = "auto",
) -> tf.Tensor:
    """Draws the window of torchvision's RandomResizedCrop.

    Ten attempts at an area and a ratio, the first that fits is placed at random; if none fits, the
    largest centred window whose ratio is allowed.

    Args:
      size: int32 [2], height and width of the image.
      area: the window's part of the image's area, 0 < low <= high <= 1, drawn uniformly.
      ratio: width / height, 0 < low <= high, drawn log-uniformly.
      seed: int [2].
      host_ops: one of `zoo.data.host_ops.CHOICES`.

    Returns:
      int32 [4]: top, left, height, width; inside of the image.
    """
    # One op where tf.random.stateless_uniform makes six.
    draws = tf.raw_ops.StatelessRandomUniform(shape=[_ATTEMPTS, 4], seed=seed)
    return load_ops(host_ops).random_resized_window(size, draws, area, ratio)


def scale_jitter_window(
    size: tf.Tensor, image_size: int, *, short_side: tuple[float, float], seed: tf.Tensor
) -> tf.Tensor:
    """Draws the window that shows what a random crop of an image of random size does.

    That is VGG's and ResNet's training crop: the short side is resized to a number of pixels drawn
    uniformly, and a square of `image_size` is cut out at random (Simonyan and Zisserman, 2015).

    Args:
      size: int32 [2], height and width of the image.
      image_size: pixels.
      short_side: pixels, image_size <= low <= high.
      seed: int [2].

    Returns:
      int32 [4]: top, left, height, width; inside of the image.
    """
    draws = tf.random.stateless_uniform([3], seed)
    drawn = short_side[0] + draws[0] * (short_side[1] - short_side[0])
    shorter = tf.cast(tf.reduce_min(size), tf.float32)
    side = tf.cast(tf.maximum(tf.round(shorter * image_size / drawn), 1.0), tf.int32)
    return _placed(size, tf.stack([side, side]), draws[1:])


def _placed(size: tf.Tensor, sides: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """int32 [4], a window of `sides`: each corner that leaves room for it is as likely."""
    room = size - sides
    corner = tf.cast(draws * tf.cast(room + 1, tf.float32), tf.int32)
    # The last draw below 1 may round up to the whole.
    return tf.concat([tf.minimum(corner, room), sides], axis=0)
