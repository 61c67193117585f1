"""What each pixel does to a class's logit, from gradients by the image.

Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365) and SmoothGrad (Smilkov et al.
2017, arXiv:1706.03825).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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

_PIECES = 8  # of the line at first, and as many gradients at once


def integrated_gradients(
    model: keras.Model, images: np.ndarray, *, classes: int | Sequence[int] | None = None,
    baseline: float | np.ndarray = 0.0, tolerance: float = 0.0025, most_steps: int = 512,
) -> np.ndarray:
    """float32 [B, H, W, C], signed: what each value adds to the logit of the class.

    (image - baseline) times the mean gradient on the straight line between the two. The sum over an
    image is the difference of the logits of image and baseline. The line is cut into pieces, each
    with its gradient at the middle; those whose share of that difference is the most wrong are cut
    again, until the root of the sum of the squares of their errors is `tolerance` of the difference
    or less, or `most_steps` gradients were taken. Equal pieces need many more: near a baseline of
    one colour, where a network amplifies the little contrast there is, the gradient changes fast
    (docs/measurements/explain.md).

    images: [B, H, W, C], as the model takes them. classes: as of `grad_cam`. baseline: a value, or
        an array that broadcasts to images; 0 of normalised images is their mean colour.

    Raises:
      ValueError: a model without classes, an unknown class, no tolerance or too few steps.
    """
    if tolerance <= 0 or most_steps < _PIECES:
        raise ValueError(f"got tolerance={tolerance}, most_steps={most_steps}; expected a "
                         f"tolerance over 0 and {_PIECES} steps or more")
    graph = Graph(model)
    images = graph.check_images(images)
    classes = _classes(graph, images, classes)
    logit_and_gradient = _logit_and_gradient(graph, images.shape[1:])
    starts = tf.broadcast_to(tf.cast(baseline, "float32"), images.shape)
    found = [
        _integral(logit_and_gradient, start, image, own, tolerance, most_steps)
        for start, image, own in with_progress(
            zip(starts, images, classes, strict=True), len(images), "integrated gradients, images"
        )
    ]
    return np.stack(found)


def _integral(
    logit_and_gradient: Callable, start: tf.Tensor, image: tf.Tensor, own_class: tf.Tensor,
    tolerance: float, most_steps: int,
) -> np.ndarray:
    """float32 [H, W, C] of one image."""
    way = image - start

    def at(places: list[float]) -> tuple[np.ndarray, np.ndarray]:
        shares = tf.constant(places, "float32")[:, None, None, None]
        logits, gradients = logit_and_gradient(
            start + shares * way, tf.fill([len(places)], own_class)
        )
        return logits.numpy().astype(float), (gradients * way).numpy()

    def pieces(ends: list[tuple[float, float, float, float]]) -> list[tuple]:
        """Of left edge, right edge and the logits there, with the error in front and behind it the
        logit and the gradient at the middle."""
        middle_logits, gradients = at([(a + b) / 2 for a, b, _, _ in ends])
        sums = gradients.sum(axis=(1, 2, 3), dtype="float64")
        return [
            (abs((b - a) * total - (fb - fa)), a, b, fa, fb, fm, gradient)
            for (a, b, fa, fb), fm, gradient, total in zip(
                ends, middle_logits, gradients, sums, strict=True
            )
        ]

    edges = [i / _PIECES for i in range(_PIECES + 1)]
    logits = at(edges)[0].tolist()
    found = pieces([*zip(edges, edges[1:], logits, logits[1:], strict=False)])
    steps, allowed = _PIECES, tolerance * abs(logits[-1] - logits[0])
    while math.hypot(*(piece[0] for piece in found)) > allowed and steps + _PIECES <= most_steps:
        found.sort(key=lambda piece: piece[0])
        worst = found[-_PIECES // 2 :]
        halves = [half for _, a, b, fa, fb, fm, _ in worst
                  for half in ((a, (a + b) / 2, fa, fm), ((a + b) / 2, b, fm, fb))]
        found = found[: -_PIECES // 2] + pieces(halves)
        steps += _PIECES
    return sum((b - a) * gradient for _, a, b, *_, gradient in found).astype("float32")


def smooth_grad(
    model: keras.Model, images: np.ndarray, *, classes: int | Sequence[int] | None = None,
    noise: float = 0.15, samples: int = 25, seed: int = 0,
) -> np.ndarray:
    """float32 [B, H, W, C], signed: the mean gradient of the logit over images with noise added.

    noise: the deviation of the normal noise as a share of each image's range, largest minus
        smallest value; 0.1 to 0.2 in the paper. samples: of noise. The same seed draws the same.

    Raises:
      ValueError: as `integrated_gradients`, or noise below 0.
    """
    if samples < 1 or noise < 0:
        raise ValueError(f"got samples={samples}, noise={noise}; expected 1 sample or more, and "
                         "noise of 0 or more")
    graph = Graph(model)
    images = graph.check_images(images)
    classes = _classes(graph, images, classes)
    logit_and_gradient = _logit_and_gradient(graph, images.shape[1:])
    places = (1, 2, 3)
    range_ = (tf.reduce_max(images, places, keepdims=True)
              - tf.reduce_min(images, places, keepdims=True))
    total = tf.zeros_like(images)
    for sample in with_progress(range(samples), samples, "SmoothGrad, samples"):
        drawn = tf.random.stateless_normal(images.shape, seed=(seed, sample))
        total += logit_and_gradient(images + noise * range_ * drawn, classes)[1]
    return (total / samples).numpy()


def _classes(
    graph: Graph, images: tf.Tensor, classes: int | Sequence[int] | None
) -> tf.Tensor:
    """int32 [B]: those given, or the likeliest of each image as it is."""
    classes = graph.check_classes(classes, len(images))
    if classes is not None:
        return classes
    return tf.argmax(graph.run(images)[graph.output], axis=-1, output_type="int32")


def _logit_and_gradient(
    graph: Graph, shape: tuple[int, ...]
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """The function from images and classes to logits float32 [B] and their gradients [B, H, W, C],
    compiled once for any number of images [height, width, C] of this shape."""

    @tf.function(autograph=False, input_signature=[
        tf.TensorSpec([None, *shape]), tf.TensorSpec([None], tf.int32),
    ])
    def logit_and_gradient(images, classes):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            scores = scores_of(graph.run(images)[graph.output], classes)
        return scores, tape.gradient(scores, images)

    return logit_and_gradient
