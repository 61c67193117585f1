"""AlexNet: the paper's, and the single tower that public checkpoints are of.

    name           maps                    normalisation, groups   paper
    alexnet        96-256-384-384-256      yes, 2                  Krizhevsky et al. 2012
    alexnet_owt    64-192-384-256-256      none                    arXiv:1404.5997

torchvision's and GluonCV's `alexnet` are alexnet_owt here.

What differs from the papers: the first convolution has 2 zeros round images of 224x224 (the paper
of 2012 does not say how those give maps of 55x55); all biases start at 0 (there at 1 in the
convolutions 2, 4 and 5 and the hidden dense layers); kernels start from Xavier's distribution,
not a Gaussian of deviation 0.01. Images of other sizes are taken too: their last map is averaged
to 6x6, as in torchvision.
"""

from __future__ import annotations

import functools

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_KRIZHEVSKY_2012 = (
    "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks, "
    "doi:10.1145/3065386"
)
_KRIZHEVSKY_2014 = (
    "Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks, "
    "arXiv:1404.5997"
)


def alexnet(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    filters: tuple[int, int, int, int, int],
    lrn: bool = True,
    groups: int = 2,
    activation: str = "relu",
    dropout: float | None = None,
    width: float = 1.0,
) -> keras.KerasTensor:
    """Five convolutions in three stages, two hidden dense layers: `alexnet` has 60,965,224
    parameters.

    `lrn` puts a local response normalisation behind the first two convolutions (section 3.3).
    `groups` is 2 for the paper's two GPUs, between which the convolutions 2, 4 and 5 have no
    links; 1 links all maps (62,378,344 parameters). `dropout` (a rate in [0, 1), by default 0.5)
    acts behind each hidden dense layer. `width` (over 0) multiplies maps and dense units, rounded
    to at least one a group. Without the classifier the output is the last pooling layer,
    [B, 6, 6, 256] for 224x224 images.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_flag("lrn", lrn)
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    if not checks.is_positive_int(groups) or groups > 2:
        raise ValueError(f"got groups={groups!r}; expected one of [1, 2]")
    first, second, *others = (groups * blocks.scaled(count // groups, width) for count in filters)
    conv = functools.partial(blocks.conv_act, act=activation)
    x = conv(images, first, 11, 4, padding=2, prefix="stage1", index=1)
    x = _norm_pool(x, lrn, "stage2")
    x = conv(x, second, 5, groups=groups, prefix="stage2", index=1)
    x = _norm_pool(x, lrn, "stage3")
    for i, (count, conv_groups) in enumerate(zip(others, (1, groups, groups), strict=True), 1):
        x = conv(x, count, 3, groups=conv_groups, prefix="stage3", index=i)
    x = blocks.max_pool(x, 3, 2, name="final_pool")
    return family.dense_head(
        x, head, grid=6, activation=activation, dropout=dropout, width=width
    )


def _norm_pool(x: keras.KerasTensor, lrn: bool, stage: str) -> keras.KerasTensor:
    if lrn:
        x = blocks.local_response_norm(x, name=f"{stage}_lrn")
    return blocks.max_pool(x, 3, 2, name=f"{stage}_pool")


_STRUCTURE = family.Structure(first=("stage1_conv1",), stages=("stage1", "stage2", "stage3"))


def _variant(paper: str, **deltas: object) -> family.Variant:
    # The smallest side leaves one position after the last pooling.
    return family.Variant(alexnet, structure=_STRUCTURE, deltas=deltas, paper=paper, min_side=63)


MODELS = {
    "alexnet": _variant(_KRIZHEVSKY_2012, filters=(96, 256, 384, 384, 256)),
    "alexnet_owt": _variant(
        _KRIZHEVSKY_2014, filters=(64, 192, 384, 256, 256), lrn=False, groups=1
    ),
}
