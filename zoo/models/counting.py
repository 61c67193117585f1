"""The size of a model: parameters and multiply-adds."""

from __future__ import annotations

import dataclasses
import math

from zoo.lazy import lazy_module

keras = lazy_module("keras")


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """A model in figures; `macs` are multiply-adds for one image of `input_shape`."""

    name: str
    paper: str
    input_shape: tuple[int, int, int]
    trainable_parameters: int
    macs: int


def count_trainable(model: keras.Model) -> int:
    """The number of trainable values: what papers call parameters.

    `model.count_params()` is more, it counts the statistics of batch normalisation too.
    """
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def count_macs(model: keras.Model) -> int:
    """The multiply-adds of convolutions and dense layers for one image.

    What papers and model tables give, often as "FLOPs"; biases, normalisation, activations and
    pooling are not counted. The images must be channels-last and of a fixed size.

    Raises:
      ValueError: an open height or width, or a layer that has a kernel of a kind this function
        does not know.
    """
    layers = keras.layers
    if None in model.input_shape[1:]:
        raise ValueError(
            f"got {model.name!r} for images of {model.input_shape[1:]}; expected a height and a "
            "width, on which the number of multiply-adds hangs"
        )
    total = 0
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
            # A kernel is used once at each position; a grouped one is that much smaller.
            total += math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
        elif any(len(weight.shape) > 1 for weight in layer.weights):
            raise ValueError(
                f"cannot count the multiply-adds of layer {layer.name!r}: "
                f"got type={type(layer).__name__}; expected Conv2D, DepthwiseConv2D or Dense"
            )
    return total
