"""A model for inference alone: batch normalisation folded into the layer before it, no dropout.

What a normalisation does to an image once training is over is a factor and a term a channel, which
the kernel and the bias of the convolution before it take up: the same function to rounding, in
fewer operations. Jacob et al., arXiv:1712.05877, section 3.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import keras
    import numpy as np
else:
    keras = lazy_module("keras")
    np = lazy_module("numpy")


def for_inference(model: keras.Model, *, dtype: str = "float32") -> keras.Model:
    """A copy of `model` with the function that it has in inference, of stock Keras layers.

    Batch normalisation that directly follows a convolution, a depthwise convolution or a dense
    layer is folded into it; the others stay, as those in front of a convolution. Dropout and
    auxiliary classifiers go. Models inside of the model are copied in the same way.

    model: a functional or sequential model, of `zoo.create_model` or another one.
    dtype: of its layers and weights, "float32", "bfloat16" or "float16"; the layers that give the
        outputs are float32 all the same: softmax of 16-bit logits loses accuracy.

    Returns a model that takes what `model` takes and has its `preprocessing` and `class_names`,
    but no card: its weights are not those of the architecture, so `zoo.save_pretrained` refuses it.

    Raises ValueError for a model that is neither, or another dtype.
    """
    if dtype not in ("float32", "bfloat16", "float16"):
        raise ValueError(f"got dtype={dtype!r}; expected 'float32', 'bfloat16' or 'float16'")
    given = model
    model = getattr(given, "_functional", given)  # of a Sequential
    if not hasattr(model, "_nodes_by_depth"):
        raise ValueError(f"got {given.name!r}, which is no functional model; expected one")
    if isinstance(model.output, Mapping) and "logits" in model.output:
        model = keras.Model(model.input, model.output["logits"], name=model.name)
    folded = _folded_into(model)
    last = {id(tensor._keras_history.operation) for tensor in model.outputs}

    def copy(layer):
        if isinstance(layer, keras.Model):
            return for_inference(layer, dtype=dtype)
        if not isinstance(layer, keras.layers.Layer):  # keras.ops, as in x * y
            return layer
        config = {**layer.get_config(), "dtype": "float32" if id(layer) in last else dtype}
        if layer.name in folded:
            config["use_bias"] = True
        return type(layer).from_config(config)

    norms = {norm.name for norm in folded.values()}

    def call(layer, images, *others, **options):
        if layer.name in norms or isinstance(layer, keras.layers.Dropout):
            return images
        return layer(images, *others, **options)

    made = keras.models.clone_model(model, clone_function=copy, call_function=call)
    for layer in made.layers:
        if isinstance(layer, keras.Model) or not layer.weights:
            continue
        old = model.get_layer(layer.name)
        layer.set_weights(_with_norm(old, folded[layer.name]) if layer.name in folded
                          else old.get_weights())
    for name in ("preprocessing", "class_names"):
        if hasattr(given, name):
            setattr(made, name, getattr(given, name))
    return made


def _folded_into(model: keras.Model) -> dict[str, keras.layers.BatchNormalization]:
    """Layer's name -> the normalisation that its kernel takes up."""
    nodes = [node for nodes in model._nodes_by_depth.values() for node in nodes]
    calls = Counter(id(node.operation) for node in nodes)
    uses = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    uses.update(id(tensor) for tensor in model.outputs)
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    folded = {}
    for node in nodes:
        norm = node.operation
        if type(norm) is not keras.layers.BatchNormalization or calls[id(norm)] > 1:
            continue
        tensor = node.input_tensors[0]
        layer = tensor._keras_history.operation
        if (
            type(layer) in kinds
            and uses[id(tensor)] == calls[id(layer)] == 1
            and layer.activation is keras.activations.linear
            and getattr(layer, "data_format", "channels_last") == "channels_last"
            and norm.axis in (-1, len(tensor.shape) - 1)
        ):
            folded[layer.name] = norm
    return folded


def _with_norm(
    layer: keras.layers.Layer, norm: keras.layers.BatchNormalization
) -> list[np.ndarray]:
    """Kernel and bias of the layer and the normalisation behind it; worked out in float64."""
    kernel, *bias = (value.astype("float64") for value in layer.get_weights())
    values = {weight.name: keras.ops.convert_to_numpy(weight).astype("float64")
              for weight in norm.weights}
    factor = values.get("gamma", 1.0) / np.sqrt(values["moving_variance"] + norm.epsilon)
    term = values.get("beta", 0.0) - factor * values["moving_mean"]
    # Of a depthwise kernel [height, width, channels, multiplier] the outputs are the last two.
    own = isinstance(layer, keras.layers.DepthwiseConv2D)
    scale = factor.reshape(kernel.shape[2:]) if own else factor
    return [kernel * scale, (bias[0] if bias else 0.0) * factor + term]
