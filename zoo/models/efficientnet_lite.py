"""EfficientNet-Lite: EfficientNet without squeeze-and-excitation, with ReLU6 for swish.

Tan & Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
arXiv:1905.11946; what Lite changes was published with its code (Liu 2020, Higher accuracy on
vision models with EfficientNet-Lite): the above, and a stem and last convolution that do not
scale. Its blocks are those of MobileNet v2.

The networks of that code, `efficientnet_lite0` (timm's tf_efficientnet_lite0), pad a strided
convolution as TensorFlow does, more on the lower right, and have 1e-3 for the epsilon of the
normalisation; in `efficientnet_lite0_torch` (timm's efficientnet_lite0) both are as in PyTorch.
Left out: stochastic depth.
"""

from __future__ import annotations

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family, mobilenet_v2
from zoo.models.mobilenet_v2 import Row

keras = lazy_module("keras")

_PAPER = (
    "Tan & Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, "
    "arXiv:1905.11946"
)
ROWS = (
    Row(3, 1, 16, 1, 1),
    Row(3, 6, 24, 2, 2),
    Row(5, 6, 40, 2, 2),
    Row(3, 6, 80, 3, 2),
    Row(5, 6, 112, 3, 1),
    Row(5, 6, 192, 4, 2),
    Row(3, 6, 320, 1, 1),
)


def efficientnet_lite(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    multiplier: float,
    depth: float,
    default_dropout: float,
    tensorflow: bool,
    zero_gamma: bool = False,
    activation: str = "relu6",
    dropout: float | None = None,
    width: float = 1.0,
    small_input: bool = False,
) -> keras.KerasTensor:
    """A 3x3 convolution, inverted residual blocks in five stages, a 1x1 convolution, head.

    Stage N has 1/2^N of the input's sides (rounded up). `zero_gamma` starts the last scale of
    each branch with a shortcut at 0, so that a new network's blocks are their shortcuts.
    `dropout` (a rate in [0, 1), by default 0.2 for lite0 and lite1, 0.3 for the others) acts
    before the classifier. `width` (over 0) multiplies the blocks' channels, rounded to a multiple
    of 8. `small_input` is for images of about 32x32: the stem and the first block of stage 2 keep
    stride 1, so that strides are a quarter. Without the classifier the output is `final_act`,
    with 1280 channels.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_positive("width", width)
    return mobilenet_v2.network(
        images,
        head,
        mobilenet_v2.scaled_rows(ROWS, multiplier * width, depth),
        stem=32,
        final=1280,
        zero_gamma=zero_gamma,
        activation=activation,
        dropout=dropout,
        small_input=small_input,
        default_dropout=default_dropout,
        epsilon=1e-3 if tensorflow else None,
        conv=_same_conv if tensorflow else blocks.conv,
        depthwise_conv=_same_depthwise_conv if tensorflow else blocks.depthwise_conv,
    )


def _same_conv(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, *, name: str
) -> keras.KerasTensor:
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        data_format=blocks.DATA_FORMAT,
        use_bias=False,
        kernel_initializer=blocks.KERNEL_INITIALIZER,
        name=name,
    )(x)


def _same_depthwise_conv(
    x: keras.KerasTensor, kernel: int, stride: int, *, name: str
) -> keras.KerasTensor:
    return keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        data_format=blocks.DATA_FORMAT,
        use_bias=False,
        depthwise_initializer=blocks.KERNEL_INITIALIZER,
        name=name,
    )(x)


# Width, depth, side of the images, dropout.
_SIZES = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 280, 0.3),
    (1.4, 1.8, 300, 0.3),
)
MODELS = {
    f"efficientnet_lite{i}{suffix}": family.Variant(
        efficientnet_lite,
        {
            "multiplier": multiplier,
            "depth": depth,
            "default_dropout": dropout,
            "tensorflow": not suffix,
        },
        _PAPER,
        input_shape=(side, side, 3),
    )
    for i, (multiplier, depth, side, dropout) in enumerate(_SIZES)
    for suffix in ("", "_torch")
}
