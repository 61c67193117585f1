"""Puts the tensors of a public checkpoint into a model.

The name map comes from `zoo.weights.names`; what differs in layout and structure is settled here:

    kernels        OIHW or [out, in] -> HWIO, [in, out]; behind a Flatten, CHW -> HWC
    conv biases    in front of a normalisation here: into its moving mean
    no bias        of a 1x1 convolution that is a dense layer here: zeros
    epsilon        of another size in the library's normalisations: into the moving variance
    input_bn       scale and offset that the model here lacks: into its statistics
    first conv     of images with another number of channels: summed, or repeated and scaled

Every tensor must have its place and every weight its tensor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from zoo.lazy import lazy_module
from zoo.models import structure_of
from zoo.natural_order import natural_key
from zoo.weights.names import UNUSED, Source

np = lazy_module("numpy")
keras = lazy_module("keras")

# A tensor's last name in the libraries -> the part of a layer that it is.
_PARTS = {
    "weight": "scale", "gamma": "scale", "kernel": "scale", "depthwise_kernel": "scale",
    "bias": "offset", "beta": "offset",
    "running_mean": "mean", "moving_mean": "mean",
    "running_var": "variance", "moving_variance": "variance",
}
_NORM_VARIABLES = {
    "scale": "gamma", "offset": "beta", "mean": "moving_mean", "variance": "moving_variance",
}
# "layer1.0.bn1.weight", Keras' "conv1_conv/kernel", and "batchnorm0_running_mean" in MXNet's files
# from before its release 1.2.
_NAME = re.compile(rf"(.+?)[._/]({'|'.join(_PARTS)})")
# What PyTorch stores beside the weights: how many batches a normalisation has seen, and how many
# models an average is of.
_IGNORED = ("num_batches_tracked", "n_averaged")


def convert(
    model: keras.Model, tensors: Mapping[str, np.ndarray], source: Source
) -> dict[str, np.ndarray]:
    """`tensors` (name there -> array) as values of the weights of `model`: path -> array.

    model: of `zoo.models.create_model`, with or without its classifier and auxiliary heads: their
    tensors may have no layer in it. Shapes are not compared, see `assign`.

    Raises:
      ValueError: a tensor that no layer has a place for, or a layer without a tensor; the message
        names it.
    """
    named = _modules(tensors)
    layers = layers_of(tensors, source)
    present = {layer.name: layer for layer in model.layers if layer.weights}
    structure = structure_of(model)
    parts: dict[str, dict[str, np.ndarray]] = {}
    for module, names in named.items():
        layer = layers.get(module)
        if layer is None or not (
            layer in present or layer == UNUSED or structure.head_of(layer)
        ):
            raise ValueError(
                f"got a tensor {next(iter(names.values()))!r}; expected only those of "
                f"{source.model!r}, for which {model.name!r} has a layer"
            )
        if layer in parts:
            raise ValueError(f"got a second module {module!r} for layer {layer!r}; expected one")
        if layer in present:
            parts[layer] = {part: np.asarray(tensors[name]) for part, name in names.items()}
    if missing := [name for name in present if name not in parts]:
        raise ValueError(
            f"got no tensor for layer {missing[0]!r}, nor for {len(missing) - 1} more; "
            f"expected those of {source.model!r}"
        )
    _fold_biases(parts, present)
    values: dict[str, np.ndarray] = {}
    for name, layer in present.items():
        if isinstance(layer, keras.layers.BatchNormalization):
            values.update(_norm_values(layer, parts[name], source.bn_epsilon))
        else:
            values.update(_kernel_values(layer, parts[name], source.keras_layout))
    return values


def unwrapped(tensors: Mapping[str, np.ndarray], source: Source) -> Mapping[str, np.ndarray]:
    """`tensors` without what all names begin with, where `source` knows more of them then.

    It is what the model was in when it was saved: "module." (DataParallel), "_orig_mod."
    (torch.compile), "model.", "backbone.", or several of them.

    Raises:
      ValueError: as `layers_of`.
    """
    shorter = {name: value for name, value in tensors.items() if not name.endswith(_IGNORED)}
    best, most = tensors, len(layers_of(tensors, source))
    while shorter:
        first = next(iter(shorter)).partition(".")[0] + "."
        if not all(name.startswith(first) for name in shorter):
            break
        shorter = {name.removeprefix(first): value for name, value in shorter.items()}
        if (known := len(layers_of(shorter, source))) > most:
            best, most = shorter, known
    return best


def layers_of(tensors: Mapping[str, np.ndarray], source: Source) -> Mapping[str, str]:
    """The modules that the tensors are of -> the layers here, as far as `source` knows them.

    Raises:
      ValueError: a tensor whose name does not end as a weight's does.
    """
    named = _modules(tensors)
    return source.layers({module: _kind(parts, tensors) for module, parts in named.items()})


def assign(
    model: keras.Model, values: Mapping[str, np.ndarray], *, new_classifier: bool = False
) -> None:
    """Sets every weight of `model` to its value, path -> array.

    Nothing is assigned unless everything fits.

    Raises:
      ValueError: as `fitted`.
    """
    wanted = _weights_of(model)
    for path, value in fitted(model, values, new_classifier=new_classifier).items():
        wanted[path].assign(value)


def fitted(
    model: keras.Model, values: Mapping[str, np.ndarray], *, new_classifier: bool = False
) -> dict[str, np.ndarray]:
    """`values`, path -> array, as the weights of `model` have them; looks at its shapes alone.

    With `new_classifier` without the last layer of each head. The first layers are adapted to
    images of another number of channels.

    Raises:
      ValueError: a weight without a value or of another shape; a value without a weight, unless
        it is of a head that the model lacks; or `new_classifier` with a model of whose structure
        nothing is known (`zoo.models.structure_of`).
    """
    structure = structure_of(model)
    if new_classifier and structure is None:
        raise ValueError(
            f"got model {model.name!r}, of which it is not known which layer is its classifier; "
            "expected one with the attribute structure, as zoo.create_model sets it"
        )
    wanted, found = _weights_of(model), {}
    for path, variable in wanted.items():
        layer = _layer_of(path)
        if new_classifier and layer in structure.heads.values():
            continue
        if path not in values:
            raise ValueError(f"got no tensor for {path!r} of {model.name!r}; expected one")
        value = np.asarray(values[path])
        if structure is not None and layer in structure.first:
            value = _fit_channels(path, value, tuple(variable.shape))
        if tuple(variable.shape) != value.shape:
            raise ValueError(
                f"got a tensor of shape {value.shape} for {path!r} of {model.name!r}; expected "
                f"{tuple(variable.shape)}"
            )
        found[path] = value
    for path in values:
        if path not in wanted and not (structure and structure.head_of(_layer_of(path))):
            raise ValueError(f"got a tensor for {path!r}, which {model.name!r} as built lacks")
    return found


def _modules(tensors: Mapping[str, np.ndarray]) -> dict[str, dict[str, str]]:
    """Module -> {part: the tensor's name}, in natural order."""
    found: dict[str, dict[str, str]] = {}
    for name in sorted(tensors, key=natural_key):
        if name.endswith(_IGNORED):
            continue
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(
                f"got a tensor {name!r}; expected names that end in one of {sorted(_PARTS)}"
            )
        found.setdefault(match[1].replace("/", "."), {})[_PARTS[match[2]]] = name
    return found


def _kind(names: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> str:
    dimensions = len(tensors[names["scale"]].shape) if "scale" in names else 1
    return {4: "conv", 2: "dense"}.get(dimensions, "bn")


def _layer_of(path: str) -> str:
    """The layer that the variable of this path is in."""
    return path.partition("/")[0]


def _weights_of(model: keras.Model) -> dict[str, keras.Variable]:
    return {v.path: v for layer in model.layers for v in layer.weights if _is_weight(v)}


def _is_weight(variable: keras.Variable) -> bool:
    # The other kind is the integer state of a dropout layer's generator.
    return keras.backend.is_float_dtype(variable.dtype)


def _fold_biases(
    parts: dict[str, dict[str, np.ndarray]], present: Mapping[str, keras.Layer]
) -> None:
    """bn(x + bias) is bn(x) with its mean less the bias."""
    for name, layer in present.items():
        if not isinstance(layer, keras.layers.BatchNormalization):
            continue
        conv = layer.input._keras_history.operation
        if not getattr(conv, "use_bias", True) and "offset" in parts[conv.name]:
            parts[name]["mean"] = parts[name]["mean"] - parts[conv.name].pop("offset")


def _norm_values(
    layer: keras.layers.BatchNormalization, parts: dict[str, np.ndarray], epsilon: float | None
) -> dict[str, np.ndarray]:
    if epsilon is not None:
        parts["variance"] = parts["variance"] + np.float32(epsilon - layer.epsilon)
    if layer.scale:
        parts.setdefault("scale", np.ones_like(parts["mean"]))
    else:
        # MXNet stores the gamma that its scale=False does not read.
        parts.pop("scale", None)
    if not layer.center and "offset" in parts:
        deviation = np.sqrt(parts["variance"] + layer.epsilon)
        parts["mean"] = parts["mean"] - parts.pop("offset") * deviation
    return {f"{layer.name}/{_NORM_VARIABLES[part]}": value for part, value in parts.items()}


def _kernel_values(
    layer: keras.Layer, parts: dict[str, np.ndarray], keras_layout: bool
) -> dict[str, np.ndarray]:
    kernel = parts["scale"] if keras_layout else _keras_kernel(layer, parts["scale"])
    values = {f"{layer.name}/kernel": kernel}
    if "offset" in parts:
        values[f"{layer.name}/bias"] = parts["offset"]
    elif isinstance(layer, keras.layers.Dense) and parts["scale"].ndim == 4:
        values[f"{layer.name}/bias"] = np.zeros(kernel.shape[-1], np.float32)
    return values


def _keras_kernel(layer: keras.Layer, value: np.ndarray) -> np.ndarray:
    """From PyTorch's and MXNet's layout to Keras'."""
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return value.transpose(2, 3, 0, 1)
    if isinstance(layer, keras.layers.Conv2D):
        # A dense layer there may be a 1x1 convolution here.
        value = value.reshape(*value.shape, 1, 1) if value.ndim == 2 else value
        return value.transpose(2, 3, 1, 0)
    value = value.reshape(len(value), -1)  # and a convolution over the whole map a dense one
    before = _flattened_shape(layer)
    if before is not None and math.prod(before) == value.shape[1]:
        height, width, channels = before
        value = value.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        value = value.reshape(len(value), -1)
    return value.T


def _flattened_shape(layer: keras.Layer) -> tuple[int, int, int] | None:
    """(height, width, channels) in front of the Flatten that feeds a dense layer, if one does."""
    producer = layer.input._keras_history.operation
    while isinstance(producer, keras.layers.Dropout):
        producer = producer.input._keras_history.operation
    if isinstance(producer, keras.layers.Flatten) and len(producer.input.shape) == 4:
        return tuple(producer.input.shape[1:])
    return None


def _fit_channels(path: str, value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A value of a first layer, of `shape` here, for another number of channels than RGB's three.

    For grey images the kernels are added up: equal to the colour network on grey pictures in RGB.
    For others they are repeated and scaled by 3 / channels, so that sums keep their size. The
    statistics of a normalisation of the images themselves are averaged.
    """
    is_statistic = path.endswith(("/moving_mean", "/moving_variance"))
    if is_statistic and value.shape == (3,) != shape:
        return np.full(shape, value.mean(), value.dtype)
    if value.ndim != 4 or value.shape[2] != 3 or shape[2] == 3:
        return value
    if shape[2] == 1:
        return value.sum(axis=2, keepdims=True)
    repeated = np.concatenate([value] * math.ceil(shape[2] / 3), axis=2)[:, :, : shape[2]]
    return repeated * np.float32(3 / shape[2])
