"""What the model families share: layer helpers, the classification head, a family's table entry.

The constants of convolutions and batch normalisation stand here and nowhere else. All images and
feature maps are NHWC, whatever the user's Keras configuration says. Stock Keras layers only, so
that a saved model opens without this library.

Layer names join their parts by "_" (`stage2_block1_conv2`): Keras 3 refuses "/" in a layer name,
and "." is a separator to PyTorch, the third backend.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from zoo.lazy import lazy_module

keras = lazy_module("keras")

# Xavier's uniform distribution, for convolutions and dense layers alike, as section 2.1 of
# arXiv:1812.01187 has it. The string (not an object) gives each layer a seed of its own.
KERNEL_INITIALIZER = "glorot_uniform"
# The field's values. Keras' own, 0.99 and 1e-3, are neither those of the papers nor those of the
# public checkpoints.
BN_MOMENTUM = 0.9
BN_EPSILON = 1e-5
DATA_FORMAT = "channels_last"


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row of a family's `MODELS` table.

    `build(images, head, **deltas, **options)` returns the output tensor(s) for the input tensor
    `images`; its keyword arguments that are not in `deltas` are the options of the model.
    `min_side` is the smallest height and width that the network can take.
    """

    build: Callable[..., Any]
    deltas: Mapping[str, Any]
    paper: str
    input_shape: tuple[int, int, int] = (224, 224, 3)
    num_classes: int = 1000
    min_side: int = 1


@dataclasses.dataclass(frozen=True)
class Head:
    """How a model ends: classifier, feature map, or pooled features.

    Raises:
      ValueError: at construction, for a value outside of what `zoo.models.create_model` lists.
    """

    num_classes: int
    include_top: bool = True
    pooling: str | None = None
    classifier_activation: str | None = None

    def __post_init__(self) -> None:
        if not is_positive_int(self.num_classes):
            raise ValueError(f"got num_classes={self.num_classes!r}; expected an integer >= 1")
        if self.pooling not in (None, "avg", "max"):
            raise ValueError(f"got pooling={self.pooling!r}; expected one of [None, 'avg', 'max']")
        if self.include_top and self.pooling is not None:
            raise ValueError(
                "pooling chooses the output of a model without its classifier: "
                f"got pooling={self.pooling!r}; expected None with include_top=True"
            )
        if self.classifier_activation is None:
            return
        if not self.include_top:
            raise ValueError(
                "a model without its classifier has no classifier activation: "
                f"got classifier_activation={self.classifier_activation!r}; "
                "expected None with include_top=False"
            )
        check_activation("classifier_activation", self.classifier_activation)

    def __call__(self, features: keras.KerasTensor, *, dropout: float = 0.0) -> keras.KerasTensor:
        """The usual end: global average, dropout, dense layer; or the features, as asked for."""
        if not self.include_top:
            return self.features(features, dropout=dropout)
        pooled = keras.layers.GlobalAveragePooling2D(data_format=DATA_FORMAT, name="head_pool")
        return self.classifier(pooled(features), dropout=dropout)

    def classifier(self, vectors: keras.KerasTensor, *, dropout: float) -> keras.KerasTensor:
        """Dropout and the last dense layer: [B, D] -> float32 [B, num_classes].

        float32 under every dtype policy: softmax and cross-entropy of 16-bit logits lose accuracy.
        """
        check_rate("dropout", dropout)
        if dropout > 0:
            vectors = keras.layers.Dropout(dropout, name="head_dropout")(vectors)
        return keras.layers.Dense(
            self.num_classes,
            activation=self.classifier_activation,
            kernel_initializer=KERNEL_INITIALIZER,
            dtype="float32",
            name="head_dense",
        )(vectors)

    def features(self, features: keras.KerasTensor, *, dropout: float) -> keras.KerasTensor:
        """What `include_top=False` asks for: the features as they are, or one value a channel."""
        check_rate("dropout", dropout)
        if dropout > 0:
            raise ValueError(
                "a model without its classifier has no dropout before it: "
                f"got dropout={dropout!r}; expected 0 with include_top=False"
            )
        if self.pooling is None:
            return features
        if len(features.shape) != 4:
            raise ValueError(
                "the features of this model are vectors already: "
                f"got pooling={self.pooling!r}; expected None"
            )
        layers = {
            "avg": keras.layers.GlobalAveragePooling2D,
            "max": keras.layers.GlobalMaxPooling2D,
        }
        return layers[self.pooling](data_format=DATA_FORMAT, name="head_pool")(features)


def conv(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int = 1, *, name: str
) -> keras.KerasTensor:
    """A bias-free convolution with an odd kernel, the input padded by (kernel - 1) / 2 all round.

    The padding is a layer of its own where the stride is not 1: Keras' padding="same" then puts
    one row less on top than below, which is not the function of the public checkpoints.
    """
    padding = "same"
    if stride > 1:
        padding = "valid"
        x = pad(x, (kernel - 1) // 2, name=f"{name}_pad")
    return keras.layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding=padding,
        data_format=DATA_FORMAT,
        use_bias=False,
        kernel_initializer=KERNEL_INITIALIZER,
        name=name,
    )(x)


def pad(x: keras.KerasTensor, margin: int, *, name: str) -> keras.KerasTensor:
    """`margin` zeros on each of the four sides; no layer at all for 0."""
    if margin == 0:
        return x
    return keras.layers.ZeroPadding2D(margin, data_format=DATA_FORMAT, name=name)(x)


def batch_norm(
    x: keras.KerasTensor, *, name: str, zero_gamma: bool = False, affine: bool = True
) -> keras.KerasTensor:
    """Batch normalisation over the channels; `affine=False` leaves out scale and offset."""
    return keras.layers.BatchNormalization(
        axis=-1,
        momentum=BN_MOMENTUM,
        epsilon=BN_EPSILON,
        center=affine,
        scale=affine,
        gamma_initializer="zeros" if zero_gamma else "ones",
        name=name,
    )(x)


def activation(x: keras.KerasTensor, function: str = "relu", *, name: str) -> keras.KerasTensor:
    """An activation as a layer of its own, so that its output can be looked at by name."""
    return keras.layers.Activation(function, name=name)(x)


def check_rate(option: str, value: float) -> None:
    """Raises ValueError unless `value` is a number in [0, 1)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ValueError(f"got {option}={value!r}; expected a number in [0, 1)")


def check_activation(option: str, value: str) -> None:
    """Raises ValueError unless `value` is the name of a Keras activation."""
    message = f"got {option}={value!r}; expected the name of a Keras activation, as 'relu'"
    if not isinstance(value, str):
        raise ValueError(message)
    try:
        keras.activations.get(value)
    except ValueError:
        raise ValueError(message) from None


def check_input_shape(shape: tuple[int, int, int], min_side: int) -> None:
    """Raises ValueError unless `shape` is (height, width, channels) with sides >= `min_side`."""
    three = isinstance(shape, (tuple, list)) and len(shape) == 3
    if not three or not all(is_positive_int(side) for side in shape):
        raise ValueError(
            f"got input_shape={shape!r}; expected 3 positive integers: height, width, channels"
        )
    if min(shape[:2]) < min_side:
        raise ValueError(
            f"got input_shape={tuple(shape)!r}; expected a height and width >= {min_side}"
        )


def is_positive_int(value: object) -> bool:
    """True for an integer >= 1; False for True, which Python counts as one."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
