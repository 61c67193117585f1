"""ZFNet: AlexNet in one tower, its first two convolutions with smaller kernels and strides.

Zeiler & Fergus 2013, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901,
figure 3. The paper gives the maps' sizes, not the zeros round them: 1 round the first convolution
and the first two poolings gives those sizes. What differs from the paper: its contrast
normalisation across maps is the local response normalisation of Krizhevsky et al. 2012, with that
paper's constants; kernels start from Xavier's distribution, not at 0.01; the training's scaling
down of filters to a root mean square of 0.1 is left out. Images of other sizes than 224x224 are
taken too: their last map is averaged to 6x6.
"""

from __future__ import annotations

import functools

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = (
    "Zeiler & Fergus 2013, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901"
)


def zfnet(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    lrn: bool = True,
    activation: str = "relu",
    dropout: float | None = None,
    width: float = 1.0,
) -> keras.KerasTensor:
    """Five convolutions in three stages, two hidden dense layers: 62,357,608 parameters.

    `lrn` puts a local response normalisation behind the first two poolings. `dropout` (a rate in
    [0, 1), by default 0.5) acts behind each hidden dense layer. `width` (over 0) multiplies maps
    and dense units, rounded to at least one. Without the classifier the output is the last
    pooling layer, [B, 6, 6, 256] for 224x224 images.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_flag("lrn", lrn)
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    first, second, *others = (blocks.scaled(count, width) for count in (96, 256, 384, 384, 256))
    conv = functools.partial(blocks.conv_act, act=activation)
    x = conv(images, first, 7, 2, padding=1, prefix="stage1", index=1)
    x = _pool_norm(x, lrn, "stage2")
    x = conv(x, second, 5, 2, padding=0, prefix="stage2", index=1)
    x = _pool_norm(x, lrn, "stage3")
    for i, count in enumerate(others, 1):
        x = conv(x, count, 3, prefix="stage3", index=i)
    x = blocks.max_pool(x, 3, 2, name="final_pool")
    return family.dense_head(
        x, head, grid=6, activation=activation, dropout=dropout, width=width
    )


def _pool_norm(x: keras.KerasTensor, lrn: bool, stage: str) -> keras.KerasTensor:
    """AlexNet's order, turned round."""
    x = blocks.max_pool(x, 3, 2, padding=1, name=f"{stage}_pool")
    return blocks.local_response_norm(x, name=f"{stage}_lrn") if lrn else x


MODELS = {
    "zfnet": family.Variant(
        zfnet,
        structure=family.Structure(
            first=("stage1_conv1",), stages=("stage1", "stage2", "stage3")
        ),
        paper=_PAPER,
        min_side=53,  # leaves one position after the last pooling
    ),
}
