"""A family's table entry, and the ends that networks share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from zoo.lazy import lazy_module
from zoo.models import blocks, checks
from zoo.models.structure import Structure

keras = lazy_module("keras")


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row of a family's `MODELS` table.

    `build(images, head, **deltas, **options)` returns the output tensor(s) for the input tensor
    `images`; its keyword arguments that are not in `deltas` are the options of the model. It calls
    `head` (a `Head`) for the end of the network. `structure` says which of its layers do what,
    `min_side` is the smallest height and width that the network can take.
    """

    build: Callable[..., Any]
    _: dataclasses.KW_ONLY
    structure: Structure
    deltas: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    paper: str = ""
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
        if not checks.is_positive_int(self.num_classes):
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
        checks.check_function("classifier_activation", self.classifier_activation)

    def __call__(self, features: keras.KerasTensor, *, dropout: float = 0.0) -> keras.KerasTensor:
        """The usual end: global average, dropout, dense layer; or the features, as asked for."""
        if not self.include_top:
            return self.features(features, dropout=dropout)
        vectors = blocks.global_average_pool(features, name="head_pool")
        return self.classifier(vectors, dropout=dropout)

    def classifier(
        self, vectors: keras.KerasTensor, *, dropout: float, prefix: str = "head"
    ) -> keras.KerasTensor:
        """Dropout and the last dense layer, `prefix`_dense: [B, D] -> float32 [B, num_classes].

        float32 under every dtype policy: softmax and cross-entropy of 16-bit logits lose accuracy.
        """
        checks.check_rate("dropout", dropout)
        if dropout > 0:
            vectors = keras.layers.Dropout(dropout, name=f"{prefix}_dropout")(vectors)
        return keras.layers.Dense(
            self.num_classes,
            activation=self.classifier_activation,
            kernel_initializer=blocks.KERNEL_INITIALIZER,
            dtype="float32",
            name=f"{prefix}_dense",
        )(vectors)

    def dropout_rate(self, dropout: float | None, default: float) -> float:
        """`dropout`, or for None the default: 0 where no classifier follows."""
        if dropout is None:
            return default if self.include_top else 0.0
        return dropout

    def check_auxiliary(self, aux_heads: bool, images: keras.KerasTensor, min_side: int) -> None:
        """Raises ValueError unless `aux_heads` is False, or True with a classifier and images of
        `min_side` or more."""
        checks.check_flag("aux_heads", aux_heads)
        if not aux_heads:
            return
        if not self.include_top:
            raise ValueError(
                "auxiliary heads are classifiers: "
                "got aux_heads=True; expected False with include_top=False"
            )
        checks.check_sides(images, "aux1_flatten")
        if min(images.shape[1:3]) < min_side:
            raise ValueError(
                f"auxiliary heads need larger images: got input_shape={tuple(images.shape[1:])}; "
                f"expected a height and width >= {min_side} with aux_heads=True"
            )

    def features(self, features: keras.KerasTensor, *, dropout: float) -> keras.KerasTensor:
        """What `include_top=False` asks for: the features as they are, or one value a channel."""
        checks.check_rate("dropout", dropout)
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
        return layers[self.pooling](data_format=blocks.DATA_FORMAT, name="head_pool")(features)


def flatten(x: keras.KerasTensor, *, name: str) -> keras.KerasTensor:
    """[B, h, w, C] -> [B, h * w * C], of a height and a width that are known."""
    checks.check_sides(x, name)
    return keras.layers.Flatten(data_format=blocks.DATA_FORMAT, name=name)(x)


def dense_head(
    x: keras.KerasTensor,
    head: Head,
    *,
    grid: int,
    activation: str,
    dropout: float | None,
    width: float,
) -> keras.KerasTensor:
    """How AlexNet, ZFNet and VGG end: two hidden dense layers of 4096 units, and the classifier.

    A map [B, h, w, C] of another size is averaged to `grid` x `grid` first, by the windows of
    PyTorch's adaptive pooling. Dropout, 0.5 by default, acts behind each hidden layer. Without
    the classifier the map is the output.
    """
    rate = head.dropout_rate(dropout, default=0.5)
    if not head.include_top:
        return head.features(x, dropout=rate)
    checks.check_rate("dropout", rate)
    x = blocks.adaptive_average_pool(x, grid, name="head_pool")
    x = flatten(x, name="head_flatten")
    units = blocks.scaled(4096, width)
    x = blocks.dense_act(x, units, activation, prefix="head_dense1")
    if rate > 0:
        x = keras.layers.Dropout(rate, name="head_dropout1")(x)
    x = blocks.dense_act(x, units, activation, prefix="head_dense2")
    return head.classifier(x, dropout=rate)
