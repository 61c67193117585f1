"""A multi-layer perceptron: the network without any notion of an image.

The default, two hidden layers of 512 rectified units, is the net of Keras' own MNIST example
(mnist_mlp), which trains it with dropout 0.2. `hidden=(300, 100), activation="tanh"` is the
300-100 net of LeCun et al. 1998, section III.C.
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo.lazy import lazy_module
from zoo.models import blocks, checks, family

keras = lazy_module("keras")

_PAPER = (
    "LeCun et al. 1998, Gradient-based learning applied to document recognition, "
    "doi:10.1109/5.726791"
)


def mlp(
    images: keras.KerasTensor,
    head: family.Head,
    *,
    hidden: Sequence[int] = (512, 512),
    activation: str = "relu",
    dropout: float = 0.0,
) -> keras.KerasTensor:
    """Flatten, dense layers of `hidden` units, classifier.

    `dropout` (a rate in [0, 1)) acts after each hidden layer. Without the classifier the output
    is the last hidden layer, [B, hidden[-1]].

    Raises:
      ValueError: an option outside of its range, or a `pooling` (there is no map to pool).
    """
    listed = isinstance(hidden, (tuple, list)) and len(hidden) > 0
    if not listed or not all(checks.is_positive_int(units) for units in hidden):
        raise ValueError(f"got hidden={hidden!r}; expected one or more positive integers")
    checks.check_activation("activation", activation)
    checks.check_rate("dropout", dropout)
    x = family.flatten(images, name="stage1_flatten")
    for i, units in enumerate(hidden, 1):
        x = blocks.dense_act(x, units, activation, prefix=f"stage1_dense{i}")
        if dropout > 0:
            x = keras.layers.Dropout(dropout, name=f"stage1_dropout{i}")(x)
    if not head.include_top:
        return head.features(x, dropout=0.0)
    return head.classifier(x, dropout=0.0)


MODELS = {
    "mlp": family.Variant(
        mlp,
        structure=family.Structure(first=("stage1_dense1",), stages=("stage1",)),
        paper=_PAPER,
        input_shape=(28, 28, 1),
        num_classes=10,
    ),
}
