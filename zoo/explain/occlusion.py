"""What a class loses where a part of the image is covered: Zeiler and Fergus 2014, section 4.2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.explain.graph import Graph, scores_of
from zoo.lazy import lazy_module
from zoo.progress import with_progress

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
else:
    np = lazy_module("numpy")
    tf = lazy_module("tensorflow")


def occlusion(
    model: keras.Model, images: np.ndarray, *, classes: int | Sequence[int] | None = None,
    window: int = 0, stride: int = 0, value: float = 0.0,
) -> np.ndarray:
    """float32 [B, H, W], signed: how far the logit of the class falls where a square is covered.

    A pixel's value is the mean over all squares that cover it. The last square of a row or column
    ends at the image's edge, so that each pixel is covered.

    images: [B, H, W, C], as the model takes them. classes: as of `grad_cam`.
    window: the side of the square, pixels; 0: a fifth of the shorter side.
    stride: from one square to the next, pixels, at most `window`; 0: half of it.
    value: what covers; 0 of normalised images is their mean colour.

    Raises:
      ValueError: a model without classes, an unknown class, a window larger than the image.
    """
    graph = Graph(model)
    images = graph.check_images(images)
    classes = graph.check_classes(classes, len(images))
    height, width = images.shape[1:3]
    window = window or max(1, min(height, width) // 5)
    stride = stride or max(1, window // 2)
    if not 1 <= window <= min(height, width) or not 1 <= stride <= window:
        raise ValueError(f"got window={window}, stride={stride} for images of {height}x{width}; "
                         "expected a window no larger than the image and a stride no larger than "
                         "the window")
    logits = tf.function(lambda x: graph.run(x)[graph.output], autograph=False)
    whole = logits(images)
    if classes is None:
        classes = tf.argmax(whole, axis=-1, output_type="int32")
    before = scores_of(whole, classes)
    places = [(top, left) for top in _starts(height, window, stride)
              for left in _starts(width, window, stride)]
    fall, covered = np.zeros(images.shape[:3], "float32"), np.zeros((height, width), "float32")
    for top, left in with_progress(places, len(places), "occlusion, places"):
        square = np.zeros((height, width, 1), bool)
        square[top : top + window, left : left + window] = True
        after = scores_of(logits(tf.where(square, tf.cast(value, "float32"), images)), classes)
        fall += (before - after).numpy()[:, None, None] * square[..., 0]
        covered += square[..., 0]
    return fall / covered


def _starts(side: int, window: int, stride: int) -> list[int]:
    return [*range(0, side - window, stride), side - window]
