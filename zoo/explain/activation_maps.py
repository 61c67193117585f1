"""Class activation maps: where a layer's feature map speaks for a class.

Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391) and Grad-CAM++ (Chattopadhay et al. 2018,
arXiv:1710.11063). Both are weighted sums of a layer's channels, of which the positive part is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.explain.graph import Graph, scores_of
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
else:
    np = lazy_module("numpy")
    tf = lazy_module("tensorflow")


def grad_cam(
    model: keras.Model, images: np.ndarray, *, classes: int | Sequence[int] | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """float32 [B, H, W], 0 or more: relu of the sum over channels of weight times map, enlarged to
    the images' size.

    A channel's weight is the mean over its places of the gradient of the class's logit.

    images: [B, H, W, C], as the model takes them. classes: one for all images or one an image;
        None: the likeliest of each. layer: one with a feature map; None: the last.

    Raises:
      ValueError: a model without classes or feature map, an unknown layer or class.
    """
    maps, gradients = _maps_and_gradients(model, images, classes, layer)
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return _weighted(maps, weights, images)


def grad_cam_plus_plus(
    model: keras.Model, images: np.ndarray, *, classes: int | Sequence[int] | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """As `grad_cam`, where each place has a weight of its own, so that several objects of a class
    are all shown.

    A channel's weight is the sum over its places of alpha times relu(g); g is the gradient of the
    logit S, alpha = g^2 / (2 g^2 + g^3 times the sum of the channel's map). The paper's derivatives
    are of exp(S): exp(S) is the same factor in all of them, and left out.
    """
    maps, g = _maps_and_gradients(model, images, classes, layer)
    below = 2 * g**2 + g**3 * tf.reduce_sum(maps, axis=(1, 2), keepdims=True)
    alphas = tf.math.divide_no_nan(g**2, below)
    weights = tf.reduce_sum(alphas * tf.nn.relu(g), axis=(1, 2), keepdims=True)
    return _weighted(maps, weights, images)


def feature_maps(model: keras.Model, images: np.ndarray, layer: str | None = None) -> np.ndarray:
    """float32 [B, h, w, channels]: the output of a layer; None: of the last with a feature map.

    Raises:
      ValueError: an unknown layer, or one whose output is no map.
    """
    graph = Graph(model)
    call = graph.map_of(layer)
    return tf.cast(graph.run(graph.check_images(images), [call.output])[call.output],
                   "float32").numpy()


def enlarged(maps: tf.Tensor | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 [B, height, width] of maps [B, h, w], by bilinear interpolation."""
    return tf.image.resize(maps[..., None], size)[..., 0].numpy()


def _maps_and_gradients(model, images, classes, layer) -> tuple[tf.Tensor, tf.Tensor]:
    """float32 [B, h, w, C] each: the layer's output, and by it the gradient of the logit."""
    graph = Graph(model)
    call = graph.map_of(layer)
    images = graph.check_images(images)
    classes = graph.check_classes(classes, len(images))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        values = graph.run(images, [graph.output, call.output])
        scores = scores_of(values[graph.output], classes)
    gradients = tape.gradient(scores, values[call.output])
    return tf.cast(values[call.output], "float32"), tf.cast(gradients, "float32")


def _weighted(maps: tf.Tensor, weights: tf.Tensor, images: np.ndarray) -> np.ndarray:
    found = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))
    return enlarged(found, np.shape(images)[1:3])
