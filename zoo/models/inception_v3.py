"""Inception-v3.

Szegedy et al. 2015, Rethinking the Inception Architecture for Computer Vision, arXiv:1512.00567.
The network is the one that its authors released and that all public checkpoints have. What differs
from the paper's Table 1: a 1x1 convolution of 80 and a 3x3 of 192 with a pooling stand in front of
the 35x35 blocks, and those blocks keep the 5x5 convolution that Figure 5 replaces.

The averages inside of the blocks count the zeros beyond the edge, as timm's, torchvision's and
GluonCV's do. Those of TensorFlow's own network and of keras.applications do not: its weights are
of another function.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = (
    "Szegedy et al. 2015, Rethinking the Inception Architecture for Computer Vision, "
    "arXiv:1512.00567"
)
_BN_EPSILON = 1e-3
# The head behind stage 4 takes a map of at least 17x17.
_AUX_MIN_SIDE = 299

# In place of a kernel: a 1x3 and a 3x1 side by side.
_CROSS = "1x3, 3x1"
Conv = tuple[int, int | tuple[int, int] | str]


@dataclasses.dataclass(frozen=True)
class Block:
    """Branches of (filters, kernel), and one with a 3x3 pooling.

    pool_filters: of the 1x1 behind the average; None for a block that halves the map: its pooling
    takes the largest, without a convolution, and the last convolution of each branch has stride 2.
    """

    branches: tuple[tuple[Conv, ...], ...]
    pool_filters: int | None


def _grid35(pool_filters: int) -> Block:
    """For maps of 35x35, if the images are 299x299."""
    return Block(
        (((64, 1),), ((48, 1), (64, 5)), ((64, 1), (96, 3), (96, 3))),
        pool_filters,
    )


def _grid17(filters: int) -> Block:
    """For maps of 17x17: Figure 6 with n = 7."""
    row, column = (1, 7), (7, 1)
    return Block(
        (
            ((192, 1),),
            ((filters, 1), (filters, row), (192, column)),
            ((filters, 1), (filters, column), (filters, row), (filters, column), (192, row)),
        ),
        192,
    )


# For maps of 8x8: Figure 7.
_GRID8 = Block((((320, 1),), ((384, 1), (384, _CROSS)), ((448, 1), (384, 3), (384, _CROSS))), 192)
# Figure 10: into stage 4, and into stage 5.
_REDUCTION4 = Block((((384, 3),), ((64, 1), (96, 3), (96, 3))), None)
_REDUCTION5 = Block(
    (((192, 1), (320, 3)), ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3))), None
)
_STAGES = {
    3: (_grid35(32), _grid35(64), _grid35(64)),
    4: (_REDUCTION4, _grid17(128), _grid17(160), _grid17(160), _grid17(192)),
    5: (_REDUCTION5, _GRID8, _GRID8),
}


def inception_v3(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    activation: str = "relu",
    dropout: float | None = None,
    width: float = 1.0,
    aux_heads: bool = False,
) -> Any:
    """Stem, eleven Inception blocks, head.

    `dropout` (a rate in [0, 1); by default torchvision's 0.5) acts before the classifier. `width`
    (over 0) multiplies every convolution's channels, rounded to at least one. `aux_heads` adds a
    classifier behind stage 4: the outputs are then {"logits", "aux1"}, each float32
    [B, num_classes]; TensorFlow-Slim trains with 0.4 of its loss. Without the classifier the
    output is the last block, 8x8 for images of 299x299, with 2048 channels at width 1.

    Raises:
      ValueError: an option outside of its range; `aux_heads` without the classifier, or with
        images smaller than 299x299.
    """
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    head.check_auxiliary(aux_heads, images, _AUX_MIN_SIDE)
    layers = _Layers(activation, width)
    x = layers.conv(images, 32, 3, prefix="stage1", index=1, stride=2, padding=0)
    x = layers.conv(x, 32, 3, prefix="stage1", index=2, padding=0)
    x = layers.conv(x, 64, 3, prefix="stage1", index=3)
    x = blocks.max_pool(x, 3, 2, name="stage2_pool")
    x = layers.conv(x, 80, 1, prefix="stage2", index=1)
    x = layers.conv(x, 192, 3, prefix="stage2", index=2, padding=0)
    x = blocks.max_pool(x, 3, 2, name="stage3_pool")
    outputs = {}
    for stage, rows in _STAGES.items():
        for i, block in enumerate(rows, 1):
            x = layers.inception(x, block, name=f"stage{stage}_block{i}")
        if aux_heads and stage == 4:
            outputs["aux1"] = layers.aux_head(x, head)
    logits = head(x, dropout=head.dropout_rate(dropout, default=0.5))
    return {"logits": logits, **outputs} if aux_heads else logits


@dataclasses.dataclass(frozen=True)
class _Layers:
    """The parts of a network."""

    activation: str
    width: float

    def conv(
        self,
        x: keras.KerasTensor,
        filters: int,
        kernel: int | tuple[int, int],
        *,
        prefix: str,
        index: int | str,
        stride: int = 1,
        padding: int | None = None,
    ) -> keras.KerasTensor:
        return blocks.conv_bn_act(
            x, blocks.scaled(filters, self.width), kernel, stride,
            prefix=prefix, index=index, act=self.activation, padding=padding, epsilon=_BN_EPSILON,
        )

    def inception(self, x: keras.KerasTensor, block: Block, *, name: str) -> keras.KerasTensor:
        reduces = block.pool_filters is None
        outputs = []
        for i, convs in enumerate(block.branches, 1):
            outputs += self._branch(x, convs, reduces, name=f"{name}_branch{i}")
        pool_name = f"{name}_branch{len(block.branches) + 1}"
        if reduces:
            outputs.append(blocks.max_pool(x, 3, 2, name=f"{pool_name}_pool"))
        else:
            y = blocks.average_pool(x, 3, 1, padding=1, name=f"{pool_name}_pool")
            outputs.append(self.conv(y, block.pool_filters, 1, prefix=pool_name, index=1))
        return keras.layers.Concatenate(axis=-1, name=f"{name}_concat")(outputs)

    def _branch(
        self, x: keras.KerasTensor, convs: tuple[Conv, ...], reduces: bool, *, name: str
    ) -> list[keras.KerasTensor]:
        """What the branch gives to the block's concatenation: one map, or two of a cross."""
        for i, (filters, kernel) in enumerate(convs, 1):
            conv = functools.partial(self.conv, x, filters, prefix=name)
            if kernel == _CROSS:
                return [conv((1, 3), index=f"{i}a"), conv((3, 1), index=f"{i}b")]
            if reduces and i == len(convs):
                x = conv(kernel, index=i, stride=2, padding=0)
            else:
                x = conv(kernel, index=i)
        return [x]

    def aux_head(self, x: keras.KerasTensor, head: family.Head) -> keras.KerasTensor:
        """The auxiliary classifier: feature maps to float32 [B, num_classes]."""
        x = blocks.average_pool(x, 5, 3, name="aux1_pool")
        x = self.conv(x, 128, 1, prefix="aux1", index=1)
        x = self.conv(x, 768, 5, prefix="aux1", index=2, padding=0)
        x = blocks.global_average_pool(x, name="aux1_mean")
        return head.classifier(x, dropout=0.0, prefix="aux1")


MODELS = {
    "inception_v3": family.Variant(
        inception_v3,
        structure=family.Structure(
            first=("stage1_conv1",),
            stages=("stage1", "stage2", "stage3", "stage4", "stage5"),
            heads={"head": "head_dense", "aux1": "aux1_dense"},
        ),
        paper=_PAPER,
        input_shape=(299, 299, 3),
        min_side=75,  # leaves one position behind the last reduction
    ),
}
