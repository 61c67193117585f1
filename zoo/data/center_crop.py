"""The centre crop of evaluation, resized by TensorFlow's own operations.

A SavedModel resizes in the same way and opens where the zoo is not installed. The methods are those
of `zoo.data.resize`, but for `area`, which counts whole pixels here: those whose centres an output
pixel covers.
"""

from __future__ import annotations

from zoo.data.methods import check_method
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

def resize_and_center_crop(
    images: tf.Tensor, image_size: int, eval_resize: int, method: str = "bilinear"
) -> tf.Tensor:
    """Resizes the short side to `eval_resize` and cuts the centre out, as torchvision does.

    Only the pixels that stay are computed.

    Args:
      images: uint8 [...,H,W,C].
      image_size: S, pixels.
      eval_resize: the short side before the crop, pixels, >= image_size.
      method: one of `zoo.data.methods.METHODS`.

    Returns:
      uint8 [...,S,S,C].

    Raises:
      ValueError: `eval_resize` below `image_size`, or an unknown method.
    """
    check_method(method)
    if eval_resize < image_size:
        raise ValueError(f"eval_resize too small, got {eval_resize}; expected at least "
                         f"image_size={image_size}")
    if images.shape[-3:-1] == (image_size, image_size) and image_size == eval_resize:
        return images
    before = tf.shape(images)[-3:-1]
    after = eval_resize * before // tf.reduce_min(before)
    corner = tf.round(tf.cast(after - image_size, tf.float32) / 2)
    scale = tf.cast(after / before, tf.float32)
    return scale_and_translate(images, image_size, scale, -corner, method)


def scale_and_translate(
    images: tf.Tensor, image_size: int, scale: tf.Tensor, translation: tf.Tensor, method: str
) -> tf.Tensor:
    """Pixel p of the output shows (p - translation) / scale of the input.

    Args:
      images: uint8 [...,H,W,C].
      image_size: S, pixels.
      scale, translation: float32 [2], of height and width; translation in pixels of the output.
      method: one of `zoo.data.methods.METHODS`.

    Returns:
      uint8 [...,S,S,C].
    """
    batch = _as_batch(images)

    def resample(kernel: str) -> tf.Tensor:
        return tf.raw_ops.ScaleAndTranslate(
            images=batch, size=[image_size, image_size], scale=scale, translation=translation,
            kernel_type=kernel, antialias=not method.endswith("_aliased"),
        )

    if method == "area":
        shrinks = tf.reduce_all(scale <= 1)
        resized = tf.cond(shrinks, lambda: resample("box"), lambda: resample("triangle"))
    else:
        # Keys' cubic has a = -0.5, as PIL's.
        resized = resample("keyscubic" if method.startswith("bicubic") else "triangle")
        resized = _clipped(resized)  # weights of a triangle may add up to a little over 1
    return _as_uint8(resized, images, image_size)


def _as_batch(images: tf.Tensor) -> tf.Tensor:
    """[...,H,W,C] -> [B,H,W,C]"""
    return tf.reshape(images, tf.concat([[-1], tf.shape(images)[-3:]], axis=0))


def _clipped(resized: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(resized, 0.0, 255.0)


def _as_uint8(resized: tf.Tensor, images: tf.Tensor, image_size: int) -> tf.Tensor:
    """float32 [B,S,S,C] -> uint8 [...,S,S,C], as the `images` that it was made of."""
    rounded = tf.cast(resized + 0.5, tf.uint8)
    shape = [image_size, image_size, images.shape[-1]]
    rounded = tf.reshape(rounded, tf.concat([tf.shape(images)[:-3], shape], axis=0))
    return tf.ensure_shape(rounded, [*images.shape[:-3], *shape])
