"""Resizing of training images on the host.

A random window of an image is cut out and resized in one go: crop.py. What evaluation and
SavedModels do is in center_crop.py.
"""

from __future__ import annotations

from zoo.data.host_ops import load_ops
from zoo.data.methods import check_method
from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def resize(
    images: tf.Tensor, image_size: int, method: str = "bilinear", host_ops: str = "auto"
) -> tf.Tensor:
    """uint8 [...,H,W,C] -> uint8 [...,image_size,image_size,C]; the aspect ratio may change.

    Images that have the size already are returned as they are.

    Args:
      method: one of `zoo.data.methods.METHODS`.
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
