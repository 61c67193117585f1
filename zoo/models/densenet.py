"""DenseNet: in a block each layer sees the maps of all layers before it, concatenated.

Huang et al. 2016, Densely Connected Convolutional Networks, arXiv:1608.06993, table 1: the
bottleneck and compression form (DenseNet-BC). Normalisation and ReLU come before each
convolution. The paper's dropout inside of blocks, for images that are not augmented, is left out.
"""

from __future__ import annotations

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = "Huang et al. 2016, Densely Connected Convolutional Networks, arXiv:1608.06993"


def densenet(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    growth_rate: int,
    num_layers: tuple[int, ...],
    activation: str = "relu",
    dropout: float = 0.0,
    width: float = 1.0,
    small_input: bool = False,
) -> keras.KerasTensor:
    """Stem, four dense blocks with transitions between, normalisation, head.

    Stage N is a dense block, with 1/2^(N+1) of the input's sides; a transition, which halves
    channels and sides (rounded down), begins the next stage. `dropout` (a rate in [0, 1)) acts
    before the classifier. `width` (over 0) multiplies the growth rate, rounded to at least one,
    and all channels follow from that. `small_input` is for images of about 32x32, as section 4.1
    of the paper has them: a 3x3 convolution of stride 1 begins the net, and no pooling follows,
    so that strides are a quarter; the stem's normalisation stays. Without the classifier the
    output is `final_act`, with 1024 channels in densenet121, 2208 in 161, 1664 in 169 and 1920 in
    201.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_flag("small_input", small_input)
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    growth_rate = blocks.scaled(growth_rate, width)
    kernel, stride = (3, 1) if small_input else (7, 2)
    x = blocks.conv_bn_act(
        images, 2 * growth_rate, kernel, stride, prefix="stem", act=activation
    )
    if not small_input:
        x = blocks.max_pool(x, 3, 2, name="stem_pool", padding=1)
    for stage, count in enumerate(num_layers, 1):
        if stage > 1:
            x = _transition(x, activation, f"stage{stage}_transition")
        for block in range(1, count + 1):
            x = _dense_layer(x, growth_rate, activation, f"stage{stage}_block{block}")
    x = blocks.bn_act(x, prefix="final", act=activation)
    return head(x, dropout=dropout)


def _dense_layer(
    x: keras.KerasTensor, growth_rate: int, activation: str, prefix: str
) -> keras.KerasTensor:
    """x and `growth_rate` new maps: 1x1 to four times as many, then 3x3."""
    new = _bn_act_conv(x, 4 * growth_rate, 1, activation, prefix, 1)
    new = _bn_act_conv(new, growth_rate, 3, activation, prefix, 2)
    return keras.layers.Concatenate(name=f"{prefix}_concat")([x, new])


def _transition(x: keras.KerasTensor, activation: str, prefix: str) -> keras.KerasTensor:
    x = _bn_act_conv(x, x.shape[-1] // 2, 1, activation, prefix, 1)
    return blocks.average_pool(x, 2, 2, name=f"{prefix}_pool")


def _bn_act_conv(
    x: keras.KerasTensor, filters: int, kernel: int, activation: str, prefix: str, index: int
) -> keras.KerasTensor:
    x = blocks.bn_act(x, prefix=prefix, index=index, act=activation)
    return blocks.conv(x, filters, kernel, name=f"{prefix}_conv{index}")


_STRUCTURE = family.Structure(
    first=("stem_conv",),
    stages=("stem", "stage1", "stage2", "stage3", "stage4"),
    between=("final",),
)


def _variant(growth_rate: int, *num_layers: int) -> family.Variant:
    """`num_layers`: of each of the four blocks."""
    deltas = {"growth_rate": growth_rate, "num_layers": num_layers}
    # The smallest side leaves one position after the last transition.
    return family.Variant(
        densenet, structure=_STRUCTURE, deltas=deltas, paper=_PAPER, min_side=29
    )


MODELS = {
    "densenet121": _variant(32, 6, 12, 24, 16),
    "densenet161": _variant(48, 6, 12, 36, 24),
    "densenet169": _variant(32, 6, 12, 32, 32),
    "densenet201": _variant(32, 6, 12, 48, 32),
}
