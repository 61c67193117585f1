"""Random windows of an image, decoded, cut out and resized in one go."""

from __future__ import annotations

from collections.abc import Callable

from zoo.data.decode import as_channels, decode_image
from zoo.data.resize import resize
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_ATTEMPTS = 10
_REDUCTIONS = (1, 2, 4, 8)  # what a JPEG can be shrunk by while it is decoded


def crop_and_resize(
    image: tf.Tensor,
    image_size: int,
    channels: int,
    window_of: Callable[[tf.Tensor], tf.Tensor],
    method: str = "area",
) -> tf.Tensor:
    """Cuts a window out and resizes it; of a JPEG only the window is decoded.

    A JPEG's window that is at least twice as large as it will be shown is decoded at a half, a
    quarter or an eighth of its size, if the method is `area`: the decoder then means over blocks
    of pixels, which is what `area` does.

    Args:
      image: uint8 [H,W,C], or a string scalar, the bytes of an image file.
      image_size: S, pixels.
      channels: 1 or 3.
      window_of: height and width int32 [2] -> top, left, height, width int32 [4].
      method: one of `zoo.data.resize.METHODS`.

    Returns:
      uint8 [S,S,channels].
    """
    def cut(decoded: tf.Tensor) -> tf.Tensor:
        top, left, height, width = tf.unstack(window_of(tf.shape(decoded)[:2]))
        return decoded[top : top + height, left : left + width]

    def cut_jpeg() -> tf.Tensor:
        window = window_of(tf.io.extract_jpeg_shape(image)[:2])

        def decode_reduced(by: int) -> Callable[[], tf.Tensor]:
            # What DCT: see decode_image.
            return lambda: tf.io.decode_and_crop_jpeg(
                image, window // by, channels=3, ratio=by, dct_method="INTEGER_ACCURATE"
            )

        if method != "area":
            return decode_reduced(1)()
        reduction = tf.reduce_min(window[2:]) // image_size
        place = tf.reduce_sum(tf.cast(reduction >= _REDUCTIONS[1:], tf.int32))
        return tf.switch_case(place, [decode_reduced(by) for by in _REDUCTIONS])

    if image.dtype == tf.string:
        part = tf.cond(tf.io.is_jpeg(image), cut_jpeg, lambda: cut(decode_image(image, 3)))
        part = tf.ensure_shape(part, [None, None, 3])
    else:
        part = cut(image)
    return as_channels(resize(part, image_size, method), channels)


def random_resized_window(
    size: tf.Tensor,
    *,
    area: tuple[float, float],
    ratio: tuple[float, float],
    seed: tf.Tensor,
) -> tf.Tensor:
    """Draws the window of torchvision's RandomResizedCrop.

    Ten attempts at an area and a ratio, the first that fits is placed at random; if none fits, the
    largest centred window whose ratio is allowed.

    Args:
      size: int32 [2], height and width of the image.
      area: the window's part of the image's area, 0 < low <= high <= 1, drawn uniformly.
      ratio: width / height, 0 < low <= high, drawn log-uniformly.
      seed: int [2].

    Returns:
      int32 [4]: top, left, height, width; inside of the image.
    """
    whole = tf.cast(size, tf.float32)
    draws = tf.random.stateless_uniform([4, _ATTEMPTS], seed)
    areas = whole[0] * whole[1] * (area[0] + draws[0] * (area[1] - area[0]))
    low, high = tf.math.log(ratio[0]), tf.math.log(ratio[1])
    ratios = tf.exp(low + draws[1] * (high - low))
    sides = tf.round(tf.sqrt(tf.stack([areas / ratios, areas * ratios])))
    fits = tf.reduce_all((sides > 0) & (sides <= whole[:, None]), axis=0)
    first = tf.argmax(tf.cast(fits, tf.int32))
    drawn = _placed(size, tf.cast(sides[:, first], tf.int32), draws[2:, first])

    full = tf.round(tf.stack([
        tf.minimum(whole[0], whole[1] / ratio[0]), tf.minimum(whole[1], whole[0] * ratio[1])
    ]))
    full = tf.cast(tf.clip_by_value(full, 1.0, whole), tf.int32)
    centred = tf.concat([(size - full) // 2, full], axis=0)
    return tf.where(tf.reduce_any(fits), drawn, centred)


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
