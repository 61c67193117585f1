"""Resizing of training images on the host, and the names of all ways to resize.

    bilinear, bicubic                  as PIL: the kernel widens with the shrinking (antialiasing)
    area                               mean of the pixels that an output pixel covers where both
                                       sides shrink, else bilinear_aliased; as OpenCV's INTER_AREA
    bilinear_aliased, bicubic_aliased  of the 4 or 16 nearest pixels only, as OpenCV's
                                       INTER_LINEAR: fine detail turns into noise

A random window of an image is cut out and resized in one go: crop.py. What evaluation and
SavedModels do is in center_crop.py.
"""

from __future__ import annotations

from zoo.data.host_ops import load_ops
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

METHODS = ("bilinear", "bicubic", "area", "bilinear_aliased", "bicubic_aliased")


def check_method(method: str) -> None:
    """Raises ValueError for a method that is not in `METHODS`."""
    if method not in METHODS:
        raise ValueError(f"unknown resizing, got {method!r}; expected one of {list(METHODS)}")


def resize(
    images: tf.Tensor, image_size: int, method: str = "bilinear", host_ops: str = "auto"
) -> tf.Tensor:
    """uint8 [...,H,W,C] -> uint8 [...,image_size,image_size,C]; the aspect ratio may change.

    Images that have the size already are returned as they are.

    Args:
      method: one of `METHODS`.
      host_ops: one of `zoo.data.host_ops.CHOICES`.

    Raises:
      ValueError: an unknown method or host_ops.
    """
    check_method(method)
    if images.shape[-3:-1] == (image_size, image_size):
        return images
    whole = tf.concat([[0, 0], tf.shape(images)[-3:-1]], axis=0)
    box = tf.cast(whole, tf.float32)
    return load_ops(host_ops).resample(images, box, image_size, method)
