"""A family's table entry, and the end that its networks share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from zoo.lazy import lazy_module
from zoo.models import blocks, checks

keras = lazy_module("keras")


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
        pool = keras.layers.GlobalAveragePooling2D(
            data_format=blocks.DATA_FORMAT, name="head_pool"
        )
        return self.classifier(pool(features), dropout=dropout)

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

    def check_auxiliary(self, images: keras.KerasTensor, min_side: int) -> None:
        """Raises ValueError unless auxiliary classifiers go with this head and these images."""
        if not self.include_top:
            raise ValueError(
                "auxiliary heads are classifiers: "
                "got aux_heads=True; expected False with include_top=False"
            )
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
