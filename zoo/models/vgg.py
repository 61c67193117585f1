"""VGG of 11, 13, 16 and 19 layers, and the same with batch normalisation (`vgg16_bn`).

Simonyan & Zisserman 2014, Very Deep Convolutional Networks for Large-Scale Image Recognition,
arXiv:1409.1556, table 1: A, B, D and E. Left out are A-LRN and C, which no public library has.

The paper has no batch normalisation; in the _bn form each convolution is followed by one, and has
no bias, which it would cancel (torchvision's and GluonCV's have one: it goes into the moving
mean). Images of other sizes than 224x224 are taken too: their last map is averaged to 7x7, as in
torchvision. Kernels start from Xavier's distribution, which makes the paper's training of A
before the others needless (its section 3.1).
"""

from __future__ import annotations

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = (
    "Simonyan & Zisserman 2014, Very Deep Convolutional Networks for Large-Scale Image "
    "Recognition, arXiv:1409.1556"
)
_FILTERS = (64, 128, 256, 512, 512)


def vgg(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    num_convs: tuple[int, ...],
    batch_norm: bool,
    activation: str = "relu",
    dropout: float | None = None,
    width: float = 1.0,
) -> keras.KerasTensor:
    """Five stages of 3x3 convolutions, each ending in a 2x2 max-pool, and two hidden dense layers.

    `dropout` (a rate in [0, 1), by default 0.5) acts behind each hidden dense layer. `width`
    (over 0) multiplies maps and dense units, rounded to at least one. Without the classifier the
    output is the last pooling layer, `final_pool`, 1/32 of the input's sides (rounded down) with
    512 channels at width 1, as in keras.applications.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    conv = blocks.conv_bn_act if batch_norm else blocks.conv_act
    x = images
    for stage, (count, filters) in enumerate(zip(num_convs, _FILTERS, strict=True), 1):
        if stage > 1:
            x = blocks.max_pool(x, 2, 2, name=f"stage{stage}_pool")
        filters = blocks.scaled(filters, width)
        for i in range(1, count + 1):
            x = conv(x, filters, 3, prefix=f"stage{stage}", index=i, act=activation)
    x = blocks.max_pool(x, 2, 2, name="final_pool")
    return family.dense_head(
        x, head, grid=7, activation=activation, dropout=dropout, width=width
    )


def _variant(*num_convs: int, batch_norm: bool = False) -> family.Variant:
    """`num_convs`: of each of the five stages; three dense layers make up the name's number."""
    return family.Variant(
        vgg,
        structure=family.Structure(
            first=("stage1_conv1",), stages=("stage1", "stage2", "stage3", "stage4", "stage5")
        ),
        deltas={"num_convs": num_convs, "batch_norm": batch_norm},
        paper=_PAPER,
        min_side=32,  # leaves one position after the five poolings
    )


MODELS = {
    "vgg11": _variant(1, 1, 2, 2, 2),
    "vgg11_bn": _variant(1, 1, 2, 2, 2, batch_norm=True),
    "vgg13": _variant(2, 2, 2, 2, 2),
    "vgg13_bn": _variant(2, 2, 2, 2, 2, batch_norm=True),
    "vgg16": _variant(2, 2, 3, 3, 3),
    "vgg16_bn": _variant(2, 2, 3, 3, 3, batch_norm=True),
    "vgg19": _variant(2, 2, 4, 4, 4),
    "vgg19_bn": _variant(2, 2, 4, 4, 4, batch_norm=True),
}
