"""From the bytes of an image file to a uint8 image of a given size, in a TensorFlow graph.

Decoding equals PIL's to the bit for the formats both know. What an image holds decides, not its
file name. An EXIF orientation is ignored, as by the recipes that the pretrained weights come from.
"""

from __future__ import annotations

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_ATTEMPTS = 10


def decode_image(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    """Decodes JPEG (grey, colour, CMYK), PNG (to 16 bits), BMP, GIF (first frame), WebP.

    Transparency is dropped. Grey becomes three equal channels; colour becomes grey by PIL's
    weights 0.299, 0.587, 0.114.

    Args:
      encoded: string scalar.
      channels: 1 or 3.

    Returns:
      uint8 [H,W,channels].

    Raises:
      tf.errors.InvalidArgumentError: no image, or a damaged one.
    """
    def decode_other():
        return tf.io.decode_image(encoded, channels=3, expand_animations=False)

    # Always decoded to three channels: the JPEG decoder cannot turn CMYK into grey, the PNG
    # decoder has other weights for grey than PIL. INTEGER_ACCURATE is what PIL uses; the default
    # is off by one level in the mean.
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.cond(_starts(encoded, b"BM"), lambda: _decode_bmp(encoded), decode_other),
    )
    return as_channels(tf.ensure_shape(image, [None, None, 3]), channels)


def is_image(encoded: tf.Tensor) -> tf.Tensor:
    """bool scalar: whether the bytes start as one of the formats of `decode_image` does."""
    # Lengthened, since substr fails on a string that ends before its start.
    padded = tf.strings.join([tf.strings.substr(encoded, 0, 12), "." * 12])
    is_webp = tf.logical_and(
        _starts(encoded, b"RIFF"), tf.strings.substr(padded, 8, 4) == b"WEBP"
    )
    starts = [_starts(encoded, s) for s in (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"GIF8")]
    return tf.reduce_any(tf.stack([*starts, is_webp]))


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


def resize(images: tf.Tensor, image_size: int) -> tf.Tensor:
    """uint8 [...,H,W,C] -> uint8 [...,image_size,image_size,C]; the aspect ratio may change."""
    if images.shape[-3:-1] == (image_size, image_size):
        return images
    height, width = _height_width(images)
    scale = image_size / tf.stack([height, width])
    return _resample(images, image_size, tf.cast(scale, tf.float32), tf.zeros([2]))


def resize_and_center_crop(images: tf.Tensor, image_size: int, eval_resize: int) -> tf.Tensor:
    """Resizes the short side to `eval_resize` and cuts the centre out, as torchvision does.

    Bilinear, with antialiasing as in PIL; only the pixels that stay are computed.

    Args:
      images: uint8 [...,H,W,C].
      image_size: S, pixels.
      eval_resize: the short side before the crop, pixels, >= image_size.

    Returns:
      uint8 [...,S,S,C].

    Raises:
      ValueError: `eval_resize` below `image_size`.
    """
    if eval_resize < image_size:
        raise ValueError(f"eval_resize too small, got {eval_resize}; expected at least "
                         f"image_size={image_size}")
    if images.shape[-3:-1] == (image_size, image_size) and image_size == eval_resize:
        return images
    height, width = _height_width(images)
    before = tf.stack([height, width])
    after = eval_resize * before // tf.minimum(height, width)
    corner = tf.round(tf.cast(after - image_size, tf.float32) / 2)
    scale = tf.cast(after / before, tf.float32)
    return _resample(images, image_size, scale, -corner)


def random_resized_crop(
    image: tf.Tensor,
    image_size: int,
    channels: int,
    *,
    area: tuple[float, float],
    ratio: tuple[float, float],
    seed: tf.Tensor,
) -> tf.Tensor:
    """Cuts a random window out and resizes it; of a JPEG only the window is decoded.

    Args:
      image: uint8 [H,W,C], or a string scalar, the bytes of an image file.
      image_size: S, pixels.
      channels: 1 or 3.
      area, ratio: see `crop_window`.
      seed: int [2]; the window is a function of it and of the image's size.

    Returns:
      uint8 [S,S,channels].
    """
    def crop(decoded: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        window = crop_window(size, area=area, ratio=ratio, seed=seed)
        top, left, height, width = tf.unstack(window)
        return decoded[top : top + height, left : left + width]

    def crop_jpeg() -> tf.Tensor:
        size = tf.io.extract_jpeg_shape(image)[:2]
        window = crop_window(size, area=area, ratio=ratio, seed=seed)
        return tf.io.decode_and_crop_jpeg(
            image, window, channels=3, dct_method="INTEGER_ACCURATE"
        )

    def crop_other() -> tf.Tensor:
        decoded = decode_image(image, 3)
        return crop(decoded, tf.shape(decoded)[:2])

    if image.dtype == tf.string:
        cut = tf.cond(tf.io.is_jpeg(image), crop_jpeg, crop_other)
        cut = tf.ensure_shape(cut, [None, None, 3])
    else:
        cut = crop(image, tf.shape(image)[:2])
    return as_channels(resize(cut, image_size), channels)


def crop_window(
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
    height, width = tf.unstack(size)
    whole = tf.cast(size, tf.float32)
    draws = tf.random.stateless_uniform([4, _ATTEMPTS], seed)
    areas = whole[0] * whole[1] * (area[0] + draws[0] * (area[1] - area[0]))
    low, high = tf.math.log(ratio[0]), tf.math.log(ratio[1])
    ratios = tf.exp(low + draws[1] * (high - low))
    widths = tf.cast(tf.round(tf.sqrt(areas * ratios)), tf.int32)
    heights = tf.cast(tf.round(tf.sqrt(areas / ratios)), tf.int32)
    fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
    first = tf.argmax(tf.cast(fits, tf.int32))
    # Of the room that a window leaves, each corner is as likely; the last draw below 1 may round
    # up to the whole.
    room = tf.stack([height - heights[first], width - widths[first]])
    corner = tf.cast(draws[2:, first] * tf.cast(room + 1, tf.float32), tf.int32)
    drawn = tf.concat([tf.minimum(corner, room), [heights[first], widths[first]]], axis=0)

    full = tf.round(tf.stack([
        tf.minimum(whole[0], whole[1] / ratio[0]), tf.minimum(whole[1], whole[0] * ratio[1])
    ]))
    full = tf.cast(tf.clip_by_value(full, 1.0, whole), tf.int32)
    centred = tf.concat([(size - full) // 2, full], axis=0)
    return tf.where(tf.reduce_any(fits), drawn, centred)


def _resample(
    images: tf.Tensor, image_size: int, scale: tf.Tensor, translation: tf.Tensor
) -> tf.Tensor:
    """Pixel p of the output shows (p - translation) / scale of the input."""
    batch = tf.reshape(images, tf.concat([[-1], tf.shape(images)[-3:]], axis=0))
    resized = tf.raw_ops.ScaleAndTranslate(
        images=batch,
        size=[image_size, image_size],
        scale=scale,
        translation=translation,
        kernel_type="triangle",
        antialias=True,
    )
    rounded = tf.cast(tf.clip_by_value(tf.floor(resized + 0.5), 0.0, 255.0), tf.uint8)
    shape = [image_size, image_size, images.shape[-1]]
    rounded = tf.reshape(rounded, tf.concat([tf.shape(images)[:-3], shape], axis=0))
    return tf.ensure_shape(rounded, [*images.shape[:-3], *shape])


def _height_width(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    shape = tf.shape(images)
    return shape[-3], shape[-2]


def _starts(encoded: tf.Tensor, prefix: bytes) -> tf.Tensor:
    return tf.strings.substr(encoded, 0, len(prefix)) == prefix


def _decode_bmp(encoded: tf.Tensor) -> tf.Tensor:
    """uint8 [H,W,3]. TensorFlow reads 8 bits a pixel as grey; they are indices into a palette."""
    pixels = tf.io.decode_bmp(encoded, channels=0)

    def field(start: int, dtype: tf.DType) -> tf.Tensor:
        return tf.io.decode_raw(tf.strings.substr(encoded, start, dtype.size), dtype)[0]

    def look_up() -> tf.Tensor:
        colours = field(46, tf.int32)
        colours = tf.where(colours == 0, 256, colours)
        table = tf.strings.substr(encoded, 14 + field(14, tf.int32), 4 * colours)
        table = tf.reshape(tf.io.decode_raw(table, tf.uint8), [-1, 4])  # blue, green, red, unused
        return tf.gather(table[:, 2::-1], tf.cast(pixels[..., 0], tf.int32))

    image = tf.cond(field(28, tf.uint16) == 8, look_up, lambda: pixels[..., :3])
    return tf.ensure_shape(image, [None, None, 3])
