"""ResNets of 18 to 200 layers in five forms.

    form    what changes                                                      paper
    (none)  the original: stride in a bottleneck's first 1x1 convolution      arXiv:1512.03385
    b       the stride moves to the 3x3                                       arXiv:1812.01187
    c       b, and the 7x7 of the stem becomes three 3x3 of 32, 32, 64        arXiv:1812.01187
    d       c, and a striding shortcut is a 2x2 average, then a 1x1           arXiv:1812.01187
    _v2     b's bottleneck, normalisation and ReLU before each convolution    arXiv:1603.05027

A basic block (18 and 34 layers) has no 1x1, so there the original and b are the same function.
timm's and torchvision's `resnet50` is resnet50b here; GluonCV calls the forms v1, v1b, v1c, v1d
and v2. GluonCV's v1 keeps biases in the 1x1 convolutions, which the normalisation behind them
cancels: here no convolution has one, and its bias goes into the moving mean. As GluonCV's, the v2
form normalises its input (batch statistics, no scale and offset).

Left out: dilation, wider and grouped bottlenecks, squeeze-and-excitation.
"""

from __future__ import annotations

import dataclasses

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")


@dataclasses.dataclass(frozen=True)
class Form:
    """What sets a form apart; `stride_conv` counts a bottleneck's convolutions from 1."""

    paper: str
    stride_conv: int = 2
    deep_stem: bool = False
    average_shortcut: bool = False
    preactivation: bool = False


_HE_2015 = "He et al. 2015, Deep Residual Learning for Image Recognition, arXiv:1512.03385"
_HE_2016 = "He et al. 2016, Identity Mappings in Deep Residual Networks, arXiv:1603.05027"
_BAG_OF_TRICKS = (
    "He et al. 2018, Bag of Tricks for Image Classification with Convolutional Neural Networks, "
    "arXiv:1812.01187"
)
_ORIGINAL = Form(_HE_2015, stride_conv=1)
_B = Form(_BAG_OF_TRICKS)
_C = Form(_BAG_OF_TRICKS, deep_stem=True)
_D = Form(_BAG_OF_TRICKS, deep_stem=True, average_shortcut=True)
_V2 = Form(_HE_2016, preactivation=True)
# Depth: blocks of each of the four stages, and whether they are bottlenecks.
_DEPTHS = {
    18: ((2, 2, 2, 2), False),
    26: ((2, 2, 2, 2), True),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
    200: ((3, 24, 36, 3), True),
}


def resnet(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    num_blocks: tuple[int, ...],
    bottleneck: bool,
    form: Form,
    zero_gamma: bool = False,
    activation: str = "relu",
    dropout: float = 0.0,
    width: float = 1.0,
    small_input: bool = False,
    stochastic_depth: float = 0.0,
) -> keras.KerasTensor:
    """Stem, four stages, head.

    `zero_gamma` starts the last scale of each residual branch at 0, so that a new network is its
    shortcuts alone. `dropout` (a rate in [0, 1)) acts before the classifier. `width`
    (over 0) multiplies every convolution's channels, rounded to at least one. `small_input` is
    for images of about 32x32 (He et al. 2015, section 4.2): a 3x3 convolution of stride 1 begins
    the net, and no pooling follows, so that strides are a quarter. Training drops the branch of
    block l of L at the rate l / L times `stochastic_depth` (in [0, 1); arXiv:1603.09382), which
    also changes the order of `model.weights`, and so of a .weights.h5 file. Without the
    classifier the output is the last stage, 1/32 of the input's sides (rounded up), with 512
    channels of basic blocks or 2048 of bottlenecks at width 1.

    Raises:
      ValueError: an option outside of its range, or `zero_gamma` with the v2 form: behind its
        last scale stands a ReLU, which passes no gradient at 0, so the branch would never learn.
    """
    checks.check_flag("zero_gamma", zero_gamma)
    checks.check_flag("small_input", small_input)
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    checks.check_rate("stochastic_depth", stochastic_depth)
    if zero_gamma and form.preactivation:
        raise ValueError(
            "a pre-activation branch that starts at zero gets no gradient through its last ReLU: "
            f"got zero_gamma={zero_gamma!r}; expected False for the v2 form"
        )
    x = _stem(images, form, width, activation, small_input)
    place = 0
    for stage, count in enumerate(num_blocks, 1):
        filters = blocks.scaled(64 * 2 ** (stage - 1), width)
        for block in range(1, count + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            convs = _branch(filters, stride, bottleneck, form.stride_conv)
            name = f"stage{stage}_block{block}"
            place += 1
            drop_rate = stochastic_depth * place / sum(num_blocks)
            if form.preactivation:
                x = _preactivation_unit(x, convs, stride, activation, drop_rate, name)
            else:
                x = _unit(
                    x, convs, stride, form.average_shortcut, zero_gamma, activation, drop_rate, name
                )
    if form.preactivation:
        x = blocks.bn_act(x, prefix="final", act=activation)
    return head(x, dropout=dropout)


def _stem(
    x: keras.KerasTensor, form: Form, width: float, activation: str, small_input: bool
) -> keras.KerasTensor:
    if form.preactivation:
        x = blocks.batch_norm(x, name="input_bn", affine=False)
    stride = 1 if small_input else 2
    convs = [(64, 3 if small_input else 7, stride)]
    if form.deep_stem:
        convs = [(32, 3, stride), (32, 3, 1), (64, 3, 1)]
    for i, (filters, kernel, conv_stride) in enumerate(convs, 1):
        x = blocks.conv_bn_act(
            x, blocks.scaled(filters, width), kernel, conv_stride,
            prefix="stem", index=i, act=activation,
        )
    return x if small_input else blocks.max_pool(x, 3, 2, name="stem_pool", padding=1)


def _branch(
    filters: int, stride: int, bottleneck: bool, stride_conv: int
) -> list[tuple[int, int, int]]:
    """(filters, kernel, stride) of each convolution of a residual branch."""
    if not bottleneck:
        return [(filters, 3, stride), (filters, 3, 1)]
    convs = [(filters, 1), (filters, 3), (4 * filters, 1)]
    return [
        (count, kernel, stride if i == stride_conv else 1)
        for i, (count, kernel) in enumerate(convs, 1)
    ]


def _unit(
    x: keras.KerasTensor,
    convs: list[tuple[int, int, int]],
    stride: int,
    average_shortcut: bool,
    zero_gamma: bool,
    activation: str,
    drop_rate: float,
    name: str,
) -> keras.KerasTensor:
    """relu(shortcut + branch), the branch ending in batch normalisation."""
    shortcut = x
    last = len(convs)
    for i, (filters, kernel, conv_stride) in enumerate(convs, 1):
        x = blocks.conv_bn_act(
            x, filters, kernel, conv_stride, prefix=name, index=i,
            act=activation if i < last else None, zero_gamma=zero_gamma and i == last,
        )
    if stride > 1 or shortcut.shape[-1] != x.shape[-1]:
        if average_shortcut and stride > 1:
            # "same" rounds an odd side up as the branch does; padded zeros are not averaged in.
            pool = keras.layers.AveragePooling2D(
                2, padding="same", data_format=blocks.DATA_FORMAT, name=f"{name}_shortcut_pool"
            )
            shortcut, stride = pool(shortcut), 1
        shortcut = blocks.conv_bn_act(
            shortcut, x.shape[-1], 1, stride, prefix=f"{name}_shortcut", act=None
        )
    x = blocks.add_branch(shortcut, x, prefix=name, drop_rate=drop_rate)
    return blocks.activation(x, activation, name=f"{name}_act{last}")


def _preactivation_unit(
    x: keras.KerasTensor,
    convs: list[tuple[int, int, int]],
    stride: int,
    activation: str,
    drop_rate: float,
    name: str,
) -> keras.KerasTensor:
    """shortcut + branch; a projecting shortcut starts behind the first ReLU."""
    shortcut, out_filters = x, convs[-1][0]
    for i, (filters, kernel, conv_stride) in enumerate(convs, 1):
        x = blocks.bn_act(x, prefix=name, index=i, act=activation)
        if i == 1 and (stride > 1 or shortcut.shape[-1] != out_filters):
            shortcut = blocks.conv(x, out_filters, 1, stride, name=f"{name}_shortcut_conv")
        x = blocks.conv(x, filters, kernel, conv_stride, name=f"{name}_conv{i}")
    return blocks.add_branch(shortcut, x, prefix=name, drop_rate=drop_rate)


def _variant(depth: int, form: Form) -> family.Variant:
    num_blocks, bottleneck = _DEPTHS[depth]
    normalised = form.preactivation
    return family.Variant(
        resnet,
        structure=family.Structure(
            first=("input_bn", "stem_conv1") if normalised else ("stem_conv1",),
            stages=("stem", "stage1", "stage2", "stage3", "stage4"),
            between=("input", "final") if normalised else (),
        ),
        deltas={"num_blocks": num_blocks, "bottleneck": bottleneck, "form": form},
        paper=form.paper,
        min_side=32,
    )


MODELS = {
    "resnet18": _variant(18, _ORIGINAL),
    "resnet18b": _variant(18, _B),
    "resnet18c": _variant(18, _C),
    "resnet18d": _variant(18, _D),
    "resnet18_v2": _variant(18, _V2),
    "resnet26": _variant(26, _ORIGINAL),
    "resnet26b": _variant(26, _B),
    "resnet26c": _variant(26, _C),
    "resnet26d": _variant(26, _D),
    "resnet26_v2": _variant(26, _V2),
    "resnet34": _variant(34, _ORIGINAL),
    "resnet34b": _variant(34, _B),
    "resnet34c": _variant(34, _C),
    "resnet34d": _variant(34, _D),
    "resnet34_v2": _variant(34, _V2),
    "resnet50": _variant(50, _ORIGINAL),
    "resnet50b": _variant(50, _B),
    "resnet50c": _variant(50, _C),
    "resnet50d": _variant(50, _D),
    "resnet50_v2": _variant(50, _V2),
    "resnet101": _variant(101, _ORIGINAL),
    "resnet101b": _variant(101, _B),
    "resnet101c": _variant(101, _C),
    "resnet101d": _variant(101, _D),
    "resnet101_v2": _variant(101, _V2),
    "resnet152": _variant(152, _ORIGINAL),
    "resnet152b": _variant(152, _B),
    "resnet152c": _variant(152, _C),
    "resnet152d": _variant(152, _D),
    "resnet152_v2": _variant(152, _V2),
    "resnet200": _variant(200, _ORIGINAL),
    "resnet200b": _variant(200, _B),
    "resnet200c": _variant(200, _C),
    "resnet200d": _variant(200, _D),
    "resnet200_v2": _variant(200, _V2),
}
