"""MobileNet (v1): a depthwise 3x3 and a pointwise 1x1 convolution in place of each full one.

Howard et al. 2017, MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications, arXiv:1704.04861, table 1. The digits of a name are the width multiplier: 075 is
0.75. Activations are ReLU, as in the paper and GluonCV. Its authors' code and timm cut it at 6:
so do `mobilenet_v1_100_relu6` and timm's two others, `mobilenet_v1_125` and
`mobilenet_v1_100h`, which has one more 1x1 convolution before the pooling.

keras.applications' MobileNet is another function: it pads a strided convolution on the lower
right only.
"""

from __future__ import annotations

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = (
    "Howard et al. 2017, MobileNets: Efficient Convolutional Neural Networks for Mobile Vision "
    "Applications, arXiv:1704.04861"
)
# Channels and blocks of each of the five stages.
STAGES = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))


def mobilenet(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    multiplier: float,
    default_activation: str,
    head_conv: bool,
    activation: str | None = None,
    dropout: float = 0.0,
    width: float = 1.0,
    small_input: bool = False,
) -> keras.KerasTensor:
    """A 3x3 convolution, 13 blocks, head; stage N has 1/2^N of the input's sides (rounded up).

    `activation` is by default "relu", or "relu6" where the module's docstring says so. `dropout`
    (a rate in [0, 1)) acts before the classifier. `width` (over 0) multiplies every
    convolution's channels, rounded to at least one; at `width` 0.5 mobilenet_v1_100 is
    mobilenet_v1_050. `small_input` is for images of about 32x32: the stem and the first block of
    stage 2 keep stride 1, so that strides are a quarter. Without the classifier the output is the
    last stage, with 1024 channels at width 1.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_flag("small_input", small_input)
    activation = default_activation if activation is None else activation
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    width = multiplier * width
    x = blocks.conv_bn_act(
        images, blocks.scaled(32, width), 3, 1 if small_input else 2, prefix="stem", act=activation
    )
    unstrided = (1, 2) if small_input else (1,)
    for stage, (filters, count) in enumerate(STAGES, 1):
        for block in range(1, count + 1):
            stride = 2 if block == 1 and stage not in unstrided else 1
            prefix = f"stage{stage}_block{block}"
            x = _block(x, blocks.scaled(filters, width), stride, activation, prefix)
    if head_conv:
        filters = blocks.scaled(1024, width)
        x = blocks.conv_bn_act(x, filters, 1, prefix="final", act=activation)
    return head(x, dropout=dropout)


def _block(
    x: keras.KerasTensor, filters: int, stride: int, activation: str, prefix: str
) -> keras.KerasTensor:
    x = blocks.depthwise_conv(x, 3, stride, name=f"{prefix}_conv1")
    x = blocks.bn_act(x, prefix=prefix, index=1, act=activation)
    return blocks.conv_bn_act(x, filters, 1, prefix=prefix, index=2, act=activation)


def _variant(
    multiplier: float, activation: str = "relu", *, head_conv: bool = False
) -> family.Variant:
    structure = family.Structure(
        first=("stem_conv",),
        stages=("stem", "stage1", "stage2", "stage3", "stage4", "stage5"),
        between=("final",) if head_conv else (),
    )
    deltas = {
        "multiplier": multiplier, "default_activation": activation, "head_conv": head_conv,
    }
    return family.Variant(mobilenet, structure=structure, deltas=deltas, paper=_PAPER)


MODELS = {
    "mobilenet_v1_025": _variant(0.25),
    "mobilenet_v1_050": _variant(0.5),
    "mobilenet_v1_075": _variant(0.75),
    "mobilenet_v1_100": _variant(1.0),
    "mobilenet_v1_100_relu6": _variant(1.0, "relu6"),
    "mobilenet_v1_100h": _variant(1.0, "relu6", head_conv=True),
    "mobilenet_v1_125": _variant(1.25, "relu6"),
}
