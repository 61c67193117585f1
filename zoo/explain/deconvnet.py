"""What in an image caused a channel's strongest activation, by a deconvnet.

Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901. One
activation goes back to the pixels: through a max pooling to the place that it came from (the
switch), through a convolution by its filter transposed, and where the network has its activation
function the signal is rectified, whatever passed there forwards. A normalisation is a scale; so is
the divisor of a local response normalisation.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from zoo.explain.graph import Call, Graph, activation_of, linear_part
from zoo.explain.receptive_field import Box, kept_inputs, receptive_field
from zoo.lazy import lazy_module
from zoo.progress import with_progress

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf
else:
    np = lazy_module("numpy")
    tf = lazy_module("tensorflow")

_RECTIFIED = ("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "hard_silu",
              "hard_swish", "softplus", "tanh", "sigmoid", "hard_sigmoid", "mish")
# Layers that carry a signal back as they are; a gradient through them is the transposed layer.
_CARRIERS = (
    "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Dense", "BatchNormalization", "Rescaling",
    "Normalization", "ZeroPadding2D", "Cropping2D", "MaxPooling2D", "AveragePooling2D",
    "GlobalAveragePooling2D", "Add", "Concatenate", "Flatten", "Reshape", "Dropout",
    "SpatialDropout2D", "Pad", "Divide", "TrueDivide",
)
_ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU")


@dataclasses.dataclass(frozen=True)
class Strongest:
    """One of the strongest activations of a channel over a set.

    image: its number in the set; value: of the activation; row, column: its place in the map.
    box: the pixels that it sees, inside of the image; projection: float32 [H, W, C], the image's
    size, zero outside of the box.
    """

    image: int
    value: float
    row: int
    column: int
    box: Box
    projection: np.ndarray


def deconvnet(
    model: keras.Model, images: np.ndarray, layer: str, channel: int
) -> np.ndarray:
    """float32 [B, H, W, C]: the strongest activation of a layer's channel in each image, projected
    back to the pixels.

    Raises:
      ValueError: an unknown layer or channel, a model without max pooling in front of the layer, or
        with a layer on the way that a signal cannot be taken back through.
    """
    graph = Graph(model)
    call = _checked(graph, layer, channel)
    images = graph.check_images(images)
    return np.stack([
        _projected(graph, call, image[None], channel, None)[0] for image in images
    ])


def strongest(
    model: keras.Model, images: np.ndarray, layer: str, channel: int, *, count: int = 9,
    batch_size: int = 32,
) -> list[Strongest]:
    """The strongest activations of a layer's channel over a set, one an image, strongest first.

    images: [N, H, W, C], as the model takes them. batch_size: images at once.

    Raises:
      ValueError: as `deconvnet`; or `count` below 1.
    """
    if count < 1 or batch_size < 1:
        raise ValueError(f"got count={count}, batch_size={batch_size}; expected 1 or more")
    graph = Graph(model)
    call = _checked(graph, layer, channel)
    places = []  # (value, image, row, column)
    starts = range(0, len(images), batch_size)
    for start in with_progress(starts, len(starts), f"activations of {layer}, batches"):
        batch = graph.check_images(images[start : start + batch_size])
        maps = graph.run(batch, [call.output])[call.output][..., channel]
        maps = tf.cast(maps, "float32").numpy()
        for number, own in enumerate(maps, start):
            row, column = np.unravel_index(own.argmax(), own.shape)
            places.append((float(own[row, column]), number, int(row), int(column)))
    places.sort(key=lambda place: (-place[0], place[1]))
    found = []
    for value, number, row, column in places[:count]:
        image = graph.check_images(images[number : number + 1])
        projection = _projected(graph, call, image, channel, (row, column))[0]
        box = receptive_field(graph, call, row, column).inside(*image.shape[1:3])
        found.append(Strongest(number, value, row, column, box, projection))
    return found


def _projected(
    graph: Graph, call: Call, image: tf.Tensor, channel: int, place: tuple[int, int] | None
) -> np.ndarray:
    """float32 [1, H, W, C]; None: of the channel's strongest place."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        values = graph.run(image, [call.output], _rectified_backwards)
        own = tf.cast(values[call.output][0, :, :, channel], "float32")
        if place is None:
            row, column = np.unravel_index(np.argmax(own), own.shape)
        else:
            row, column = place
        # The gradient of v^2 / 2 is v: what goes back is the activation itself.
        start = tf.square(own[row, column]) / 2
    return tf.cast(tape.gradient(start, image), "float32").numpy()


def _rectified_backwards(call: Call, *args: Any, **kwargs: Any) -> Any:
    """The call's value; backwards an activation function rectifies, and a divisor is a constant."""
    operation = call.operation
    kind = type(operation).__name__
    if kind in ("Divide", "TrueDivide"):
        return operation(args[0], tf.stop_gradient(args[1]))
    if kind in _ACTIVATIONS or kind.lower() in _RECTIFIED:
        return _with_rectified_gradient(operation)(*args)
    if activation_of(operation) is None:
        return operation(*args, **kwargs)
    return _with_rectified_gradient(operation.activation)(linear_part(operation, *args))


def _with_rectified_gradient(function: Any) -> Any:
    @tf.custom_gradient
    def rectified(x):
        return function(x), tf.nn.relu

    return rectified


def _checked(graph: Graph, layer: str, channel: int) -> Call:
    call = graph.map_of(layer)
    channels = call.output_shape[-1]
    if not 0 <= channel < channels:
        raise ValueError(f"got channel {channel} of layer {layer!r}; expected 0 to {channels - 1}")
    wanted = {call.output}
    for own in reversed(graph.before([call.output])):
        if not wanted.intersection(own.outputs):
            continue
        wanted.update(kept_inputs(own))
        kind = type(own.operation).__name__
        if kind not in (*_CARRIERS, *_ACTIVATIONS) and kind.lower() not in _RECTIFIED:
            raise ValueError(f"got layer {layer!r} behind {own.name!r}, a {kind}, which a "
                             "deconvnet has no way back through; expected convolutions, "
                             "normalisations, poolings, sums and ReLU")
    if not any(type(own.operation).__name__ == "MaxPooling2D" for own in graph.calls):
        raise ValueError(f"got model {graph.name!r}, which has no max pooling, whose switches a "
                         "deconvnet needs; expected another model, or another explanation")
    return call
