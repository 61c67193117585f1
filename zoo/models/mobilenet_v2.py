"""MobileNet v2: inverted residual blocks, narrow at their ends and wide in between.

Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv:1801.04381,
table 2. The digits of a name are the width multiplier: 075 is 0.75. Channels are rounded to a
multiple of 8 as in the authors' code; GluonCV does not round, so that its narrow networks are
others: `gluon_mobilenet_v2_075`. 110d and 120d (timm's) are deeper too, with the stem and the
last convolution of width 1, like the networks of efficientnet_lite.py, which are built here.

keras.applications' MobileNetV2 is another function: it pads a strided convolution on the lower
right only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = (
    "Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks, "
    "arXiv:1801.04381"
)


class V2Row(NamedTuple):
    """A row of the table: `repeats` blocks, of which the first has the stride."""

    kernel: int
    expansion: float
    filters: int
    repeats: int
    stride: int


ROWS = (
    V2Row(3, 1, 16, 1, 1),
    V2Row(3, 6, 24, 2, 2),
    V2Row(3, 6, 32, 3, 2),
    V2Row(3, 6, 64, 4, 2),
    V2Row(3, 6, 96, 3, 1),
    V2Row(3, 6, 160, 3, 2),
    V2Row(3, 6, 320, 1, 1),
)


def mobilenet_v2(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    rows: Sequence[V2Row],
    multiplier: float,
    depth: float,
    divisor: int,
    fixed_ends: bool,
    default_dropout: float,
    tensorflow: bool,
    zero_gamma: bool = False,
    activation: str = "relu6",
    dropout: float | None = None,
    width: float = 1.0,
    small_input: bool = False,
    stochastic_depth: float = 0.0,
) -> keras.KerasTensor:
    """A 3x3 convolution, the blocks of `rows` in five stages, a 1x1 convolution, head.

    Stage N has 1/2^N of the input's sides (rounded up). `zero_gamma` starts the last scale of
    each branch with a shortcut at 0, so that a new network's blocks are their shortcuts.
    `dropout` (a rate in [0, 1), by default 0.2, from efficientnet_lite2 on 0.3) acts before the
    classifier. `width` (over 0) multiplies the channels as the name's multiplier does: the last
    convolution has no less than 1280; in the d and EfficientNet-Lite always 1280, the stem 32.
    `small_input` is for images of about 32x32: the stem and the first block of stage 2 keep
    stride 1, so that strides are a quarter. Training drops the branch of block l of L at the
    rate l / L times `stochastic_depth` (in [0, 1); arXiv:1603.09382) where it has a shortcut:
    blocks without one are counted too. Without the classifier the output is `final_act`, the
    last convolution's.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_positive("width", width)
    checks.check_flag("zero_gamma", zero_gamma)
    checks.check_flag("small_input", small_input)
    checks.check_activation("activation", activation)
    checks.check_rate("stochastic_depth", stochastic_depth)
    width = multiplier * width
    stem = 32 if fixed_ends else rounded(32 * width, divisor)
    final = 1280 if fixed_ends else max(1280, rounded(1280 * width, divisor))
    padding, epsilon = ("same", 1e-3) if tensorflow else (None, None)
    x = blocks.conv_bn_act(
        images, stem, 3, 1 if small_input else 2,
        prefix="stem", act=activation, padding=padding, epsilon=epsilon,
    )
    found = numbered(scaled_rows(rows, width, depth, divisor), small_input)
    for place, (prefix, row, stride) in enumerate(found, 1):
        x = inverted_residual(
            x, row.filters, row.kernel, stride,
            expanded=row.expansion * x.shape[-1], activation=activation, zero_gamma=zero_gamma,
            drop_rate=stochastic_depth * place / len(found),
            prefix=prefix, padding=padding, epsilon=epsilon,
        )
    x = blocks.conv_bn_act(x, final, 1, prefix="final", act=activation, epsilon=epsilon)
    return head(x, dropout=head.dropout_rate(dropout, default_dropout))


def inverted_residual(
    x: keras.KerasTensor,
    filters: int,
    kernel: int,
    stride: int,
    *,
    expanded: int,
    activation: str,
    zero_gamma: bool,
    drop_rate: float,
    prefix: str,
    padding: blocks.Padding = None,
    epsilon: float | None = None,
    squeeze: Callable[..., keras.KerasTensor] | None = None,
) -> keras.KerasTensor:
    """1x1 to `expanded` channels (left out where x has them), depthwise, 1x1 without activation.

    padding: of the depthwise convolution.
    squeeze(x, prefix=...) acts behind the depthwise convolution. Where nothing changes in size,
    the block's input is added; in training, to no branch at `drop_rate` (`blocks.add_branch`).
    """
    shortcut, index = x, 1
    if expanded != x.shape[-1]:
        x = blocks.conv_bn_act(
            x, expanded, 1, prefix=prefix, index=1, act=activation, epsilon=epsilon
        )
        index = 2
    x = blocks.depthwise_conv(x, kernel, stride, name=f"{prefix}_conv{index}", padding=padding)
    x = blocks.bn_act(x, prefix=prefix, index=index, act=activation, epsilon=epsilon)
    if squeeze is not None:
        x = squeeze(x, prefix=f"{prefix}_se")
    add = stride == 1 and shortcut.shape[-1] == filters
    x = blocks.conv_bn_act(
        x, filters, 1,
        prefix=prefix, index=index + 1, act=None, epsilon=epsilon, zero_gamma=zero_gamma and add,
    )
    return blocks.add_branch(shortcut, x, prefix=prefix, drop_rate=drop_rate) if add else x


def numbered(rows: Sequence[V2Row], small_input: bool = False) -> list[tuple[str, V2Row, int]]:
    """(name, row, stride) of each block; one of stride 2 begins a stage, unless it is the first.

    With `small_input` the first of them keeps stride 1.
    """
    found, stage, block = [], 1, 0
    for row in rows:
        for repeat in range(row.repeats):
            stride = row.stride if repeat == 0 else 1
            if stride == 2 and found:
                stage, block = stage + 1, 0
            block += 1
            if stride == 2 and small_input:
                stride, small_input = 1, False
            found.append((f"stage{stage}_block{block}", row, stride))
    return found


def scaled_rows(rows: Sequence[V2Row], width: float, depth: float, divisor: int = 8) -> list[V2Row]:
    """`width` multiplies channels; `depth` multiplies repeats, of the first and last row not."""
    ends = (0, len(rows) - 1)
    return [
        row._replace(
            filters=rounded(row.filters * width, divisor),
            repeats=row.repeats if i in ends else math.ceil(row.repeats * depth),
        )
        for i, row in enumerate(rows)
    ]


def rounded(filters: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, or the next where that is less than 0.9 of `filters`."""
    nearest = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * filters else nearest


STRUCTURE = family.Structure(
    first=("stem_conv",),
    stages=("stem", "stage1", "stage2", "stage3", "stage4", "stage5"),
    between=("final",),
)


def _variant(
    multiplier: float, *, depth: float = 1.0, divisor: int = 8, fixed_ends: bool = False
) -> family.Variant:
    deltas = {
        "rows": ROWS, "multiplier": multiplier, "depth": depth, "divisor": divisor,
        "fixed_ends": fixed_ends, "default_dropout": 0.2, "tensorflow": False,
    }
    return family.Variant(mobilenet_v2, structure=STRUCTURE, deltas=deltas, paper=_PAPER)


MODELS = {
    "mobilenet_v2_025": _variant(0.25),
    "mobilenet_v2_035": _variant(0.35),
    "mobilenet_v2_050": _variant(0.5),
    "mobilenet_v2_075": _variant(0.75),
    "mobilenet_v2_100": _variant(1.0),
    "mobilenet_v2_110d": _variant(1.1, depth=1.2, fixed_ends=True),
    "mobilenet_v2_120d": _variant(1.2, depth=1.4, fixed_ends=True),
    "mobilenet_v2_140": _variant(1.4),
    "gluon_mobilenet_v2_025": _variant(0.25, divisor=1),
    "gluon_mobilenet_v2_050": _variant(0.5, divisor=1),
    "gluon_mobilenet_v2_075": _variant(0.75, divisor=1),
}
