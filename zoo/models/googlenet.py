"""GoogLeNet: nine Inception blocks, 1x1, 3x3 and 5x5 convolutions and a pooling side by side.

    googlenet      as published: local response normalisation, biases
    googlenet_bn   the form of the public checkpoints: batch normalisation instead of both, 3x3
                   convolutions where the paper has 5x5, a 2x2 last pooling

Szegedy et al. 2014, Going Deeper with Convolutions, arXiv:1409.4842. The paper gives no constants
for its response normalisation: they are those of Krizhevsky et al. 2012. Poolings of stride 2 have
windows that may hang over the edge (Caffe's and PyTorch's "ceil mode").
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")


@dataclasses.dataclass(frozen=True)
class Form:
    """What sets a form apart.

    large_kernel: of the third branch. last_pool: window of the pooling in front of stage 5.
    aux_min_side: of the images that the auxiliary heads can take.
    """

    batch_norm: bool
    large_kernel: int
    last_pool: int
    aux_min_side: int


_PAPER = "Szegedy et al. 2014, Going Deeper with Convolutions, arXiv:1409.4842"
_BN_EPSILON = 1e-3
_AUX_DROPOUT = 0.7
_LEAST = -65504.0  # of float16
# The blocks behind which an auxiliary head stands: 4a and 4d.
_AUX_HEADS = {(4, 1): "aux1", (4, 4): "aux2"}
# Table 1, the blocks of each stage: filters of the 1x1; of the 3x3's reduction and the 3x3; of
# the 5x5's and the 5x5; of the 1x1 behind the pooling.
_STAGES = {
    3: [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)],
    4: [
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ],
    5: [(256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)],
}


def googlenet(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    form: Form,
    activation: str = "relu",
    dropout: float | None = None,
    width: float = 1.0,
    aux_heads: bool = False,
) -> Any:
    """Stem, nine Inception blocks, head.

    `dropout` (a rate in [0, 1); by default the paper's 0.4, torchvision's is 0.2) acts before the
    classifier. `width` (over 0) multiplies the channels of all convolutions and the hidden units
    of the auxiliary heads, rounded to at least one. `aux_heads` adds classifiers behind blocks 4a
    and 4d, dropout 0.7 in each: the outputs are then {"logits", "aux1", "aux2"}, each float32
    [B, num_classes]; the paper adds 0.3 of the loss of each of the two, and drops them after
    training. googlenet_bn's average over a 4x4 grid, as torchvision's; the paper's over 5x5
    windows at stride 3, 4x4 of them in images of 224x224. Without the classifier the output is
    the last block, 1/32 of the input's sides, with 1024 channels at width 1.

    Raises:
      ValueError: an option outside of its range; `aux_heads` without the classifier, or with
        images smaller than 79x79 (31x31 with googlenet_bn).
    """
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    head.check_auxiliary(aux_heads, images, form.aux_min_side)
    layers = _Layers(form, activation, width)
    x = layers.conv(images, 64, 7, 2, prefix="stage1")
    x = _max_pool(x, 3, name="stage2_pool")
    # Response normalisations go with the poolings, to the next stage.
    x = layers.response_norm(x, name="stage2_lrn")
    x = layers.conv(x, 64, 1, prefix="stage2", index=1)
    x = layers.conv(x, 192, 3, prefix="stage2", index=2)
    x = layers.response_norm(x, name="stage3_lrn")
    outputs = {}
    for stage, rows in _STAGES.items():
        x = _max_pool(x, form.last_pool if stage == 5 else 3, name=f"stage{stage}_pool")
        for block, filters in enumerate(rows, 1):
            x = layers.inception(x, filters, name=f"stage{stage}_block{block}")
            if aux_heads and (stage, block) in _AUX_HEADS:
                name = _AUX_HEADS[stage, block]
                outputs[name] = layers.aux_head(x, head, name=name)
    logits = head(x, dropout=head.dropout_rate(dropout, default=0.4))
    return {"logits": logits, **outputs} if aux_heads else logits


@dataclasses.dataclass(frozen=True)
class _Layers:
    """The parts of a network of one form."""

    form: Form
    activation: str
    width: float

    def conv(
        self,
        x: keras.KerasTensor,
        filters: int,
        kernel: int,
        stride: int = 1,
        *,
        prefix: str,
        index: int | str = "",
    ) -> keras.KerasTensor:
        """Convolution, with batch normalisation or a bias, and activation."""
        conv = blocks.conv_act
        if self.form.batch_norm:
            conv = functools.partial(blocks.conv_bn_act, epsilon=_BN_EPSILON)
        return conv(
            x, blocks.scaled(filters, self.width), kernel, stride,
            prefix=prefix, index=index, act=self.activation,
        )

    def response_norm(self, x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
        return x if self.form.batch_norm else blocks.local_response_norm(x, name=name)

    def inception(
        self, x: keras.KerasTensor, filters: tuple[int, ...], *, name: str
    ) -> keras.KerasTensor:
        """The four branches of Figure 2b, joined; `filters` is a row of Table 1."""
        pool = keras.layers.MaxPooling2D(
            3, 1, padding="same", data_format=blocks.DATA_FORMAT, name=f"{name}_branch4_pool"
        )
        ones, reduce3, threes, reduce5, fives, behind_pool = filters
        branches = [
            (x, [(ones, 1)]),
            (x, [(reduce3, 1), (threes, 3)]),
            (x, [(reduce5, 1), (fives, self.form.large_kernel)]),
            (pool(x), [(behind_pool, 1)]),
        ]
        outputs = []
        for branch, (y, convs) in enumerate(branches, 1):
            for i, (count, kernel) in enumerate(convs, 1):
                y = self.conv(y, count, kernel, prefix=f"{name}_branch{branch}", index=i)
            outputs.append(y)
        return keras.layers.Concatenate(axis=-1, name=f"{name}_concat")(outputs)

    def aux_head(
        self, x: keras.KerasTensor, head: family.Head, *, name: str
    ) -> keras.KerasTensor:
        """An auxiliary classifier: feature maps to float32 [B, num_classes]."""
        if self.form.batch_norm:
            x = blocks.adaptive_average_pool(x, 4, name=f"{name}_pool")
        else:
            x = blocks.average_pool(x, 5, 3, name=f"{name}_pool")
        x = self.conv(x, 128, 1, prefix=name)
        x = family.flatten(x, name=f"{name}_flatten")
        units = blocks.scaled(1024, self.width)
        x = blocks.dense_act(x, units, self.activation, prefix=f"{name}_dense1")
        return head.classifier(x, dropout=_AUX_DROPOUT, prefix=name)


def _max_pool(x: keras.KerasTensor, window: int, *, name: str) -> keras.KerasTensor:
    """The largest of each window at stride 2, a last one that hangs over the edge included."""
    if None in x.shape[1:3]:
        # A last window may hang over: a row and a column of the least that every dtype has. Where
        # none does, it is in no window.
        x = keras.ops.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)], constant_values=_LEAST)
        return keras.layers.MaxPooling2D(window, 2, data_format=blocks.DATA_FORMAT, name=name)(x)
    # "same" pads an odd side on both ends: the windows of 3 would start one too early.
    rows, columns = ("valid" if window == 3 and side % 2 else "same" for side in x.shape[1:3])
    if rows == columns:
        windows = [(name, window, 2, rows)]
    else:  # no padding mode says both: one axis after the other
        windows = [
            (f"{name}_rows", (window, 1), (2, 1), rows),
            (name, (1, window), (1, 2), columns),
        ]
    for layer_name, size, strides, padding in windows:
        x = keras.layers.MaxPooling2D(
            size, strides, padding=padding, data_format=blocks.DATA_FORMAT, name=layer_name
        )(x)
    return x


def _variant(form: Form, min_side: int) -> family.Variant:
    """`min_side` leaves one position behind the last pooling."""
    return family.Variant(
        googlenet,
        structure=family.Structure(
            first=("stage1_conv",),
            stages=("stage1", "stage2", "stage3", "stage4", "stage5"),
            heads={"head": "head_dense", "aux1": "aux1_dense", "aux2": "aux2_dense"},
        ),
        deltas={"form": form},
        paper=_PAPER,
        min_side=min_side,
    )


MODELS = {
    "googlenet": _variant(
        Form(batch_norm=False, large_kernel=5, last_pool=3, aux_min_side=79), min_side=31
    ),
    "googlenet_bn": _variant(
        Form(batch_norm=True, large_kernel=3, last_pool=2, aux_min_side=31), min_side=15
    ),
}
