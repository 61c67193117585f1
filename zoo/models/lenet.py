"""LeNet-5, and the wider convolutional net that tutorials train on the same digits.

LeCun et al. 1998, Gradient-based learning applied to document recognition,
doi:10.1109/5.726791, section II.B.
"""

from __future__ import annotations

from collections.abc import Callable

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = (
    "LeCun et al. 1998, Gradient-based learning applied to document recognition, "
    "doi:10.1109/5.726791"
)
_POOLS = ("avg", "max")


def lenet5(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    activation: str = "tanh",
    pool: str = "avg",
    dropout: float = 0.0,
    width: float = 1.0,
) -> keras.KerasTensor:
    """LeNet-5: 61,706 parameters for 28x28x1 images and 10 classes.

    Zeros round the first convolution's input stand for the paper's 32x32 frame. What differs
    from the paper: every map of C3 sees all six maps of S2 (the paper's Table I leaves out 36 of
    the 96 links); a pooling layer has no trainable coefficient and bias, and no squashing after
    it; tanh is plain, not 1.7159 tanh(2/3 x); the output is a dense layer for softmax, not
    Euclidean radial basis functions.

    `pool` is "avg" or "max"; `dropout` (a rate in [0, 1)) acts before the
    classifier, `width` (over 0) multiplies maps and dense units. Without the
    classifier the output is the second pooling layer, [B, 5, 5, 16] for 28x28 images.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    if pool not in _POOLS:
        raise ValueError(f"got pool={pool!r}; expected one of {list(_POOLS)}")
    x = _conv_pool(images, blocks.scaled(6, width), 2, activation, pool, 1)
    x = _conv_pool(x, blocks.scaled(16, width), 0, activation, pool, 2)
    hidden = (blocks.scaled(120, width), blocks.scaled(84, width))
    return _dense_head(x, head, hidden, activation, dropout)


def lenet(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    activation: str = "relu",
    dropout: float = 0.0,
    width: float = 1.0,
) -> keras.KerasTensor:
    """Two 5x5 convolutions of 64 and 32 maps, each with a 2x2 max-pool, and 512 dense units.

    A LeNet in its order of layers only: 320,682 parameters for 28x28x1 images and 10 classes.
    `dropout` (a rate in [0, 1)) acts before the classifier, `width` (over 0) multiplies maps and
    dense units. Without the classifier the output is the second pooling layer, [B, 4, 4, 32] for
    28x28 images.

    Raises:
      ValueError: an option outside of its range.
    """
    checks.check_activation("activation", activation)
    checks.check_positive("width", width)
    x = _conv_pool(images, blocks.scaled(64, width), 0, activation, "max", 1)
    x = _conv_pool(x, blocks.scaled(32, width), 0, activation, "max", 2)
    return _dense_head(x, head, (blocks.scaled(512, width),), activation, dropout)


def _conv_pool(
    x: keras.KerasTensor, filters: int, padding: int, activation: str, pool: str, stage: int
) -> keras.KerasTensor:
    prefix = f"stage{stage}"
    x = blocks.conv_act(x, filters, 5, padding=padding, prefix=prefix, act=activation)
    pooling = blocks.average_pool if pool == "avg" else blocks.max_pool
    return pooling(x, 2, 2, name=f"{prefix}_pool")


def _dense_head(
    x: keras.KerasTensor,
    head: family.Head,
    hidden: tuple[int, ...],
    activation: str,
    dropout: float,
) -> keras.KerasTensor:
    if not head.include_top:
        return head.features(x, dropout=dropout)
    x = family.flatten(x, name="head_flatten")
    for i, units in enumerate(hidden, 1):
        x = blocks.dense_act(x, units, activation, prefix=f"head_dense{i}")
    return head.classifier(x, dropout=dropout)


def _variant(build: Callable[..., keras.KerasTensor], min_side: int) -> family.Variant:
    """`min_side` leaves one position after the second pooling."""
    return family.Variant(
        build,
        structure=family.Structure(first=("stage1_conv",), stages=("stage1", "stage2")),
        paper=_PAPER,
        input_shape=(28, 28, 1),
        num_classes=10,
        min_side=min_side,
    )


MODELS = {
    "lenet5": _variant(lenet5, 12),
    "lenet": _variant(lenet, 16),
}
