"""MobileNet v3, large and small: v2's blocks, some with squeeze-and-excitation and hard swish.

Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244, tables 1 and 2. The digits of a
name are the width multiplier: 075 is 0.75. `mobilenet_v3_large_150d` (timm's) is deeper too.
GluonCV's small network has 1280 units before the classifier, the paper's 1024:
`gluon_mobilenet_v3_small_100`.

timm's tf_mobilenetv3 and keras.applications' MobileNetV3 are other functions: they pad a strided
convolution more on the lower right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family
from zoo.models.mobilenet_v2 import inverted_residual, numbered, rounded

keras = lazy_module("keras")

_PAPER = "Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244"


class V3Row(NamedTuple):
    """As those of MobileNet v2, with squeeze-and-excitation or not, and ReLU or hard swish."""

    kernel: int
    expansion: float
    filters: int
    repeats: int
    stride: int
    squeeze: bool = False
    relu: bool = False


_LARGE = (
    V3Row(3, 1, 16, 1, 1, relu=True),
    V3Row(3, 4, 24, 1, 2, relu=True),
    V3Row(3, 3, 24, 1, 1, relu=True),
    V3Row(5, 3, 40, 3, 2, relu=True, squeeze=True),
    V3Row(3, 6, 80, 1, 2),
    V3Row(3, 2.5, 80, 1, 1),
    V3Row(3, 2.3, 80, 2, 1),
    V3Row(3, 6, 112, 2, 1, squeeze=True),
    V3Row(5, 6, 160, 3, 2, squeeze=True),
)
_LARGE_D = tuple(
    row._replace(repeats=repeats)
    for row, repeats in zip(_LARGE, (2, 1, 2, 4, 1, 2, 2, 3, 4), strict=True)
)
_SMALL = (
    V3Row(3, 1, 16, 1, 2, relu=True, squeeze=True),
    V3Row(3, 4.5, 24, 1, 2, relu=True),
    V3Row(3, 3.67, 24, 1, 1, relu=True),
    V3Row(5, 4, 40, 1, 2, squeeze=True),
    V3Row(5, 6, 40, 2, 1, squeeze=True),
    V3Row(5, 3, 48, 2, 1, squeeze=True),
    V3Row(5, 6, 96, 3, 2, squeeze=True),
)


def mobilenet_v3(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    rows: Sequence[V3Row],
    multiplier: float,
    final: Sequence[int],
    hidden: int,
    zero_gamma: bool = False,
    activation: str = "hard_swish",
    dropout: float | None = None,
    width: float = 1.0,
    small_input: bool = False,
    stochastic_depth: float = 0.0,
) -> keras.KerasTensor:
    """A 3x3 convolution, inverted residual blocks, a 1x1 convolution, a hidden dense layer, head.

    Stage N has 1/2^N of the input's sides (rounded up), of the small network 1/2^(N+1).
    `zero_gamma` starts the last scale of each branch with a shortcut at 0, so that a new
    network's blocks are their shortcuts. `activation` takes the place of hard swish; the ReLU of
    the first blocks and of squeeze-and-excitation stays. `dropout` (a rate in [0, 1), by default
    0.2) acts before the classifier. `width` (over 0) multiplies the channels as the name's
    multiplier does: the first convolution has no less than 16, the hidden layer always 1280, or
    1024 in the small network. `small_input` is for images of about 32x32: the stem and the first
    block of stride 2 keep stride 1, so that strides are a quarter. `stochastic_depth` is as
    for MobileNet v2. Without the classifier the output is the last 1x1 convolution's, with 960
    channels, or 576 in the small network, at width 1.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_flag("zero_gamma", zero_gamma)
    checks.check_flag("small_input", small_input)
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    checks.check_rate("stochastic_depth", stochastic_depth)
    width = multiplier * width
    stem, stride = max(16, rounded(16 * width)), 1 if small_input else 2
    x = blocks.conv_bn_act(images, stem, 3, stride, prefix="stem", act=activation)
    found = numbered(rows, small_input)
    for place, (prefix, row, stride) in enumerate(found, 1):
        x = inverted_residual(
            x, rounded(row.filters * width), row.kernel, stride,
            expanded=x.shape[-1] if row.expansion == 1 else rounded(row.expansion * x.shape[-1]),
            activation="relu" if row.relu else activation, zero_gamma=zero_gamma,
            drop_rate=stochastic_depth * place / len(found),
            prefix=prefix,
            squeeze=_squeeze_excite if row.squeeze else None,
        )
    for i, filters in enumerate(final, 1):
        filters = rounded(filters * width)
        x = blocks.conv_bn_act(x, filters, 1, prefix="final", index=i, act=activation)
    dropout = head.dropout_rate(dropout, default=0.2)
    if not head.include_top:
        return head.features(x, dropout=dropout)
    x = blocks.global_average_pool(x, name="head_pool")
    x = blocks.dense_act(x, hidden, activation, prefix="head_dense1")
    return head.classifier(x, dropout=dropout)


def _squeeze_excite(x: keras.KerasTensor, *, prefix: str) -> keras.KerasTensor:
    """x times a factor for each channel, that follows from the means of all channels."""
    channels = x.shape[-1]
    factors = keras.layers.GlobalAveragePooling2D(
        data_format=blocks.DATA_FORMAT, keepdims=True, name=f"{prefix}_pool"
    )(x)
    for i, filters, act in ((1, rounded(channels / 4), "relu"), (2, channels, "hard_sigmoid")):
        factors = blocks.conv_act(factors, filters, 1, prefix=prefix, index=i, act=act)
    return keras.layers.Multiply(name=f"{prefix}_scale")([x, factors])


def _large(
    multiplier: float,
    *,
    rows: Sequence[V3Row] = _LARGE,
    final: Sequence[int] = (960,),
    input_shape: tuple[int, int, int] = (224, 224, 3),
) -> family.Variant:
    structure = family.Structure(
        first=("stem_conv",),
        stages=("stem", "stage1", "stage2", "stage3", "stage4", "stage5"),
        between=("final",),
    )
    deltas = {"rows": rows, "multiplier": multiplier, "final": final, "hidden": 1280}
    return family.Variant(
        mobilenet_v3, structure=structure, deltas=deltas, paper=_PAPER, input_shape=input_shape
    )


def _small(multiplier: float, *, hidden: int = 1024) -> family.Variant:
    structure = family.Structure(
        first=("stem_conv",),
        stages=("stem", "stage1", "stage2", "stage3", "stage4"),
        between=("final",),
    )
    deltas = {"rows": _SMALL, "multiplier": multiplier, "final": (576,), "hidden": hidden}
    return family.Variant(mobilenet_v3, structure=structure, deltas=deltas, paper=_PAPER)


MODELS = {
    "mobilenet_v3_large_075": _large(0.75),
    "mobilenet_v3_large_100": _large(1.0),
    "mobilenet_v3_large_150d": _large(
        1.5, rows=_LARGE_D, final=(960, 960), input_shape=(256, 256, 3)
    ),
    "mobilenet_v3_small_050": _small(0.5),
    "mobilenet_v3_small_075": _small(0.75),
    "mobilenet_v3_small_100": _small(1.0),
    "gluon_mobilenet_v3_small_100": _small(1.0, hidden=1280),
}
