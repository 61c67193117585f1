"""The host operations made of TensorFlow's own, for where the native ones cannot be had.

The same arithmetic as in `zoo/data/native/`, in float64 where that counts: equal windows, and
pixels that differ by at most one level. A training image takes some fifty operations more.
"""

from __future__ import annotations

from zoo.data.center_crop import scale_and_translate
from zoo.lazy import lazy_module

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_BLOCK = 16  # pixels that a JPEG's decoder makes at once, in a row
_MOST_HALVINGS = 3
_BAD_BOX = ("resample: the box is not within the images, or empty; expected top >= 0, left >= 0, "
            "top + height <= H, left + width <= W")


def random_resized_window(
    size: tf.Tensor, draws: tf.Tensor, area: tuple[float, float], ratio: tuple[float, float]
) -> tf.Tensor:
    """The first attempt at an area and a ratio that fits into the image, at a random place.

    If none fits it is the largest centred window whose ratio is allowed.

    Args:
      size: int32 [2], height and width of the image, >= 1.
      draws: float32 [N,4], uniform in [0, 1): what each attempt is made of.
      area: the window's part of the image's area, 0 < low <= high <= 1, drawn uniformly.
      ratio: width / height, 0 < low <= high, drawn log-uniformly.

    Returns:
      int32 [4]: top, left, height, width; inside of the image.
    """
    lowest, highest, narrowest, widest = (float(np.float32(bound)) for bound in (*area, *ratio))
    size = tf.cast(size, tf.float64)
    draws = tf.cast(draws, tf.float64)
    areas = size[0] * size[1] * (lowest + draws[:, 0] * (highest - lowest))
    ratios = narrowest * (widest / narrowest) ** draws[:, 1]
    sides = _rounded(tf.sqrt(tf.stack([areas / ratios, areas * ratios], axis=1)))
    fits = tf.reduce_all((sides > 0) & (sides <= size), axis=1)
    first = tf.argmax(fits)  # the first True
    # Each corner that leaves room for it is as likely.
    corner = tf.floor(draws[first, 2:] * (size - sides[first] + 1))
    largest = tf.minimum(size, tf.stack([size[1] / narrowest, size[0] * widest]))
    largest = tf.maximum(_rounded(largest), 1.0)
    centred = tf.floor((size - largest) / 2)
    window = tf.where(
        fits[first], tf.concat([corner, sides[first]], 0), tf.concat([centred, largest], 0)
    )
    return tf.ensure_shape(tf.cast(window, tf.int32), [4])


def jpeg_part(window: tf.Tensor, least: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """What of a JPEG to decode to see a window, and how much smaller.

    From the block on in which the window begins: the decoder starts there anyway, and would move
    each row to cut off what comes before.

    Args:
      window: int32 [4]: top, left, height, width.
      least: pixels that the window's sides keep when it is decoded at a half, a quarter or an
        eighth of its size; 0: at its full size.

    Returns:
      The part, int32 [4], in pixels of the smaller image; the window within the part, float32 [4];
      how often the size is halved, int32 scalar, 0..3.
    """
    halvings = tf.constant(0)
    if least:
        kept = [least << (number + 1) for number in range(_MOST_HALVINGS)]
        halvings = tf.reduce_sum(tf.cast(kept <= tf.reduce_min(window[2:]), tf.int32))
    by = tf.bitwise.left_shift(1, halvings)
    block = tf.stack([by, by * _BLOCK])
    corner = window[:2] // block * [1, _BLOCK]
    end = (window[:2] + window[2:] + by - 1) // by
    box = tf.cast(window, tf.float32) / tf.cast(by, tf.float32)
    box -= tf.cast(tf.concat([corner, [0, 0]], 0), tf.float32)
    return tf.concat([corner, end - corner], 0), box, halvings


def resample(images: tf.Tensor, box: tf.Tensor, image_size: int, method: str) -> tf.Tensor:
    """Cuts a window out of each image and resizes it.

    Args:
      images: uint8 [...,H,W,C].
      box: float32 [4], the window: top, left, height, width in pixels, within the image; the sizes
        above 0. Pixels outside have no part in the result; for `area`, pixels that are in it in
        part have that part, for the other methods all of them.
      image_size: S, pixels.
      method: one of `zoo.data.methods.METHODS`.

    Returns:
      uint8 [...,S,S,C], halves rounded up.

    Raises:
      tf.errors.InvalidArgumentError: the window is not within the images.
    """
    corner, sides = box[:2], box[2:]
    sized = tf.cast(tf.shape(images)[-3:-1], tf.float32)
    within = tf.reduce_all((corner >= 0) & (sides > 0) & (corner + sides <= sized))
    with tf.control_dependencies([tf.debugging.Assert(within, [_BAD_BOX])]):
        first = tf.floor(corner)
    cut = _cut(images, first, tf.minimum(tf.math.ceil(corner + sides), sized))
    start = corner - first

    def filtered(method: str) -> tf.Tensor:
        scale = image_size / sides
        return scale_and_translate(cut, image_size, scale, -start * scale, method)

    if method != "area":
        return filtered(method)
    whole_pixels = tf.reduce_all((start == 0) & (sides == tf.floor(sides)))
    resized = tf.switch_case(
        tf.where(tf.reduce_min(sides) < image_size, 0, tf.where(whole_pixels, 1, 2)),
        [
            lambda: filtered("bilinear_aliased"),
            lambda: _mean_of_whole_pixels(cut, image_size),
            lambda: _mean_of_parts(cut, start, sides, image_size),
        ],
    )
    return tf.ensure_shape(resized, [*images.shape[:-3], image_size, image_size, images.shape[-1]])


def _rounded(numbers: tf.Tensor) -> tf.Tensor:
    """To whole numbers, halves up; tf.round takes them to the even one."""
    return tf.floor(numbers + 0.5)


def _cut(images: tf.Tensor, first: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
    """[...,H,W,C] -> [...,h,w,C]: rows and columns from `first` to before `end`, float32 [2]."""
    first, end = tf.cast(first, tf.int32), tf.cast(end, tf.int32)
    return images[..., first[0] : end[0], first[1] : end[1], :]


def _mean_of_whole_pixels(images: tf.Tensor, image_size: int) -> tf.Tensor:
    """uint8 [...,S,S,C]: the mean of what each output pixel covers of the whole images."""
    shape = tf.shape(images)
    batch = tf.reshape(images, tf.concat([[-1], shape[-3:]], 0))
    means = tf.raw_ops.ResizeArea(images=batch, size=[image_size, image_size])
    means = tf.cast(means + 0.5, tf.uint8)
    return tf.reshape(means, tf.concat([shape[:-3], [image_size, image_size], shape[-1:]], 0))


def _mean_of_parts(
    images: tf.Tensor, start: tf.Tensor, sides: tf.Tensor, image_size: int
) -> tf.Tensor:
    """As `_mean_of_whole_pixels`, of a window whose borders cut pixels; start, sides: float32 [2].

    Products with matrices that are mostly 0: still less work than TensorFlow's running sums.
    """
    rows, columns = (
        _covered_parts(start[axis], sides[axis], tf.shape(images)[axis - 3], image_size)
        for axis in (0, 1)
    )
    means = tf.einsum("yh,...hwc->...ywc", rows, tf.cast(images, tf.float32))
    means = tf.einsum("xw,...ywc->...yxc", columns, means)
    return tf.cast(means + 0.5, tf.uint8)


def _covered_parts(
    start: tf.Tensor, side: tf.Tensor, length: tf.Tensor, image_size: int
) -> tf.Tensor:
    """float32 [S,length]: the part of output pixel i that pixel p covers; rows add up to 1."""
    borders = start + side / image_size * tf.range(image_size + 1, dtype=tf.float32)
    pixels = tf.range(tf.cast(length, tf.float32))
    begin = tf.maximum(borders[:-1, None], pixels)
    end = tf.minimum(borders[1:, None], pixels + 1)
    covered = tf.maximum(end - begin, 0.0)
    return covered / tf.reduce_sum(covered, axis=1, keepdims=True)
