"""The layers that the model families share.

The constants of convolutions and batch normalisation stand here and nowhere else. All images and
feature maps are NHWC, whatever the user's Keras configuration says. Stock Keras layers only, so
that a saved model opens without this library.

Layer names join their parts by "_" (`stage2_block1_conv2`): Keras 3 refuses "/" in a layer name,
and "." is a separator to PyTorch, the third backend. They begin with what they belong to: `stem`,
`stage1`, ... (`zoo.feature_extractor` gives the last layer of each), `final`, `head`, `aux1`, ...;
the normalisation behind `..._conv3` is `..._bn3`.
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo.lazy import lazy_module
from zoo.models import checks

keras = lazy_module("keras")

# Zeros on each side, or on (top and bottom, left and right); None or "same": see `conv`.
Padding = int | tuple[int, int] | str | None

# Xavier's uniform distribution, for convolutions and dense layers alike, as section 2.1 of
# arXiv:1812.01187 has it. The string (not an object) gives each layer a seed of its own.
KERNEL_INITIALIZER = "glorot_uniform"
# The field's values. Keras' own, 0.99 and 1e-3, are those of no paper and no public checkpoint.
BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5
DATA_FORMAT = "channels_last"


def conv(
    x: keras.KerasTensor,
    filters: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    *,
    name: str,
    padding: Padding = None,
    groups: int = 1,
    use_bias: bool = False,
) -> keras.KerasTensor:
    """A convolution with `padding` zeros on each side of rows and columns.

    By default (kernel - 1) / 2 of them for an odd kernel: the map keeps its size at stride 1. The
    padding is a layer of its own where the stride is not 1: "same", TensorFlow's, then puts one
    row less on top than below, which is not the function of most public checkpoints.
    """
    mode, x = _padded(x, _pair(kernel), stride, padding, name)
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding=mode,
        groups=groups,
        data_format=DATA_FORMAT,
        use_bias=use_bias,
        kernel_initializer=KERNEL_INITIALIZER,
        name=name,
    )(x)


def depthwise_conv(
    x: keras.KerasTensor, kernel: int, stride: int = 1, *, name: str, padding: Padding = None
) -> keras.KerasTensor:
    """A bias-free convolution of each channel by itself, padded as by `conv`."""
    mode, x = _padded(x, _pair(kernel), stride, padding, name)
    return keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding=mode,
        data_format=DATA_FORMAT,
        use_bias=False,
        depthwise_initializer=KERNEL_INITIALIZER,
        name=name,
    )(x)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _padded(
    x: keras.KerasTensor,
    kernel: tuple[int, int],
    stride: int,
    padding: Padding,
    name: str,
) -> tuple[str, keras.KerasTensor]:
    """The padding mode for Keras, and the input, padded where that mode cannot say it."""
    if padding == "same":
        return "same", x
    centred = ((kernel[0] - 1) // 2, (kernel[1] - 1) // 2)
    margin = centred if padding is None else _pair(padding)
    if stride == 1 and margin == centred and kernel[0] % 2 == kernel[1] % 2 == 1:
        return "same", x
    return "valid", pad(x, margin, name=f"{name}_pad")


def conv_bn_act(
    x: keras.KerasTensor,
    filters: int,
    kernel: int | tuple[int, int],
    stride: int = 1,
    *,
    prefix: str,
    index: int | str = "",
    act: str | None,
    padding: Padding = None,
    epsilon: float | None = None,
    zero_gamma: bool = False,
) -> keras.KerasTensor:
    """A convolution, `prefix`_conv`index`, and `bn_act`."""
    x = conv(x, filters, kernel, stride, name=f"{prefix}_conv{index}", padding=padding)
    return bn_act(x, prefix=prefix, index=index, act=act, epsilon=epsilon, zero_gamma=zero_gamma)


def bn_act(
    x: keras.KerasTensor,
    *,
    prefix: str,
    index: int | str = "",
    act: str | None,
    epsilon: float | None = None,
    zero_gamma: bool = False,
) -> keras.KerasTensor:
    """Batch normalisation, `prefix`_bn`index`, and activation (none for None),
    `prefix`_act`index`."""
    x = batch_norm(x, name=f"{prefix}_bn{index}", epsilon=epsilon, zero_gamma=zero_gamma)
    return x if act is None else activation(x, act, name=f"{prefix}_act{index}")


def conv_act(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    stride: int = 1,
    *,
    prefix: str,
    index: int | str = "",
    act: str,
    padding: Padding = None,
    groups: int = 1,
) -> keras.KerasTensor:
    """A convolution with a bias, `prefix`_conv`index`, and its activation, `prefix`_act`index`."""
    name = f"{prefix}_conv{index}"
    x = conv(x, filters, kernel, stride, name=name, padding=padding, groups=groups, use_bias=True)
    return activation(x, act, name=f"{prefix}_act{index}")


def max_pool(
    x: keras.KerasTensor, window: int, stride: int, *, name: str, padding: int = 0
) -> keras.KerasTensor:
    """The largest of each window.

    `padding` puts zeros round the map, as good as -inf behind a ReLU: nothing there is below them.
    """
    x = pad(x, padding, name=f"{name}_pad")
    return keras.layers.MaxPooling2D(window, stride, data_format=DATA_FORMAT, name=name)(x)


def average_pool(
    x: keras.KerasTensor,
    window: int | Sequence[int],
    stride: int | Sequence[int],
    *,
    name: str,
    padding: int = 0,
) -> keras.KerasTensor:
    """The mean of each window; the zeros that `padding` puts round the map count."""
    x = pad(x, padding, name=f"{name}_pad")
    return keras.layers.AveragePooling2D(window, stride, data_format=DATA_FORMAT, name=name)(x)


def global_average_pool(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """The mean of each channel: [B, h, w, C] -> [B, C]."""
    return keras.layers.GlobalAveragePooling2D(data_format=DATA_FORMAT, name=name)(x)


def adaptive_average_pool(x: keras.KerasTensor, grid: int, *, name: str) -> keras.KerasTensor:
    """A map averaged to `grid` x `grid`, by the windows of PyTorch's layer of that name.

    Window i of a side of n is [floor(i n / grid), ceil((i + 1) n / grid)). Built of stock parts:
    Keras' own gives NaN on JAX where the map is smaller than the grid, no graph for a side of 1.
    """
    checks.check_sides(x, name)
    for axis, label in ((1, "rows"), (2, "columns")):
        if (side := x.shape[axis]) == grid:
            continue
        parts = []
        for i in range(grid):
            start, end = i * side // grid, -(-(i + 1) * side // grid)
            crop, window = [(0, 0), (0, 0)], [1, 1]
            crop[axis - 1], window[axis - 1] = (start, side - end), end - start
            prefix = f"{name}_{label}{i}"
            part = keras.layers.Cropping2D(crop, data_format=DATA_FORMAT, name=f"{prefix}_crop")(x)
            parts.append(average_pool(part, window, window, name=f"{prefix}_mean"))
        x = keras.layers.Concatenate(axis=axis, name=f"{name}_{label}")(parts)
    return x


def local_response_norm(
    x: keras.KerasTensor,
    *,
    name: str,
    size: int = 5,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 2.0,
) -> keras.KerasTensor:
    """x / (k + alpha * sum of x^2 over the `size` channels round each)^beta.

    Section 3.3 of Krizhevsky et al. 2012, with its constants. Channels beyond the ends count as
    zeros. PyTorch's and Caffe's alpha is `size` times this one, since they take the mean. Built of
    stock parts: Keras has no such layer.
    """
    checks.check_sides(x, name)
    height, width, channels = x.shape[1:]
    squares = keras.layers.Reshape((height * width, channels, 1), name=f"{name}_flat")(
        # Scaled before, not after: 16-bit sums of squares overflow for activations over 115.
        keras.ops.square((alpha * size) ** 0.5 * x)
    )
    margin = ((0, 0), (size // 2, (size - 1) // 2))
    squares = keras.layers.ZeroPadding2D(margin, data_format=DATA_FORMAT, name=f"{name}_pad")(
        squares
    )
    # Padded by hand: "same" would divide by fewer channels at the ends.
    mean = average_pool(squares, (1, size), 1, name=f"{name}_mean")
    mean = keras.layers.Reshape((height, width, channels), name=f"{name}_maps")(mean)
    return x / keras.ops.power(k + mean, beta)


def pad(
    x: keras.KerasTensor, margin: int | tuple[int, int], *, name: str
) -> keras.KerasTensor:
    """`margin` zeros above, below, left and right, or (rows, columns); no layer at all for 0."""
    if _pair(margin) == (0, 0):
        return x
    return keras.layers.ZeroPadding2D(margin, data_format=DATA_FORMAT, name=name)(x)


def batch_norm(
    x: keras.KerasTensor,
    *,
    name: str,
    zero_gamma: bool = False,
    affine: bool = True,
    epsilon: float | None = None,
) -> keras.KerasTensor:
    """Batch normalisation over the channels; `affine=False` leaves out scale and offset."""
    return keras.layers.BatchNormalization(
        axis=-1,
        momentum=BN_MOMENTUM,
        epsilon=BN_EPSILON if epsilon is None else epsilon,
        center=affine,
        scale=affine,
        gamma_initializer="zeros" if zero_gamma else "ones",
        name=name,
    )(x)


def activation(x: keras.KerasTensor, function: str, *, name: str) -> keras.KerasTensor:
    """An activation as a layer of its own, so that its output can be looked at by name.

    "prelu" learns one slope a channel, from 0.25 (arXiv:1502.01852); the others are Keras'
    functions of these names ("leaky_relu" has slope 0.2 there).
    """
    if function != "prelu":
        return keras.layers.Activation(function, name=name)(x)
    return keras.layers.PReLU(
        alpha_initializer=keras.initializers.Constant(0.25),
        shared_axes=list(range(1, len(x.shape) - 1)) or None,
        name=name,
    )(x)


def dense_act(x: keras.KerasTensor, units: int, act: str, *, prefix: str) -> keras.KerasTensor:
    """A hidden dense layer, `prefix`, and its activation, `prefix`_act."""
    x = keras.layers.Dense(units, kernel_initializer=KERNEL_INITIALIZER, name=prefix)(x)
    return activation(x, act, name=f"{prefix}_act")


def add_branch(
    shortcut: keras.KerasTensor, branch: keras.KerasTensor, *, prefix: str, drop_rate: float
) -> keras.KerasTensor:
    """shortcut + branch, `prefix`_add; `prefix`_drop before it, unless `drop_rate` is 0.

    Stochastic depth, arXiv:1603.09382: training drops an image's whole branch at that rate, and
    divides the others by 1 - `drop_rate`, where the paper scales at inference.
    """
    if drop_rate > 0:
        branch = keras.layers.Dropout(drop_rate, (None, 1, 1, 1), name=f"{prefix}_drop")(branch)
    return keras.layers.Add(name=f"{prefix}_add")([shortcut, branch])


def scaled(filters: int, width: float) -> int:
    """`filters` times `width`, rounded, at least 1."""
    return max(1, round(filters * width))
