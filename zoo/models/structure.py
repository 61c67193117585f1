"""Which layers of a network do what: data that a family gives beside its builder.

Layers are named as blocks.py says: the name of a layer begins with the name of the part that it
belongs to, and "_". A `Structure` lists the parts of a network, and the layers whose shape follows
from the images' channels or from the number of classes. Loading weights, `zoo.stages` and
`zoo.transfer` read it; none of them looks for a pattern in a name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from zoo.lazy import lazy_module

keras = lazy_module("keras")


@dataclasses.dataclass(frozen=True)
class Structure:
    """The parts of a network, from the images to the classifier.

    first: the layers with weights that see the images, and so depend on their channels.
    stages: the stages, in order; "stage1" holds the layers "stage1_...".
    between: parts that belong to no stage, as "final", a last normalisation. In fine-tuning they
        go with the stage in front of them.
    heads: the heads and the last layer of each, which has one output a class. The first is the
        network's own; the others are auxiliary, for training alone, and are built with the option
        aux_heads=True. A head holds its hidden layers too: "head" the layers "head_...".
    """

    first: tuple[str, ...]
    stages: tuple[str, ...]
    between: tuple[str, ...] = ()
    heads: Mapping[str, str] = dataclasses.field(default_factory=lambda: {"head": "head_dense"})

    @property
    def head(self) -> str:
        """The name of the network's own head."""
        return next(iter(self.heads))

    @property
    def classifier(self) -> str:
        """The last layer of the network's own head."""
        return self.heads[self.head]

    def stage_of(self, layer: str) -> str | None:
        """The stage that the layer is in; None for a layer of a head or between the stages."""
        return _part_of(layer, self.stages)

    def head_of(self, layer: str) -> str | None:
        """The head that the layer is in; None for the others."""
        return _part_of(layer, self.heads)

    def holds(self, layer: str) -> bool:
        """Whether a layer of this name is in one of the parts."""
        return _part_of(layer, (*self.stages, *self.between, *self.heads)) is not None

    def is_auxiliary(self, layer: str) -> bool:
        """Whether the layer is in an auxiliary head."""
        return self.head_of(layer) not in (None, self.head)

    def check(self, model: keras.Model) -> None:
        """Raises ValueError, in one line, unless this describes `model`.

        Each layer with weights must be in exactly one part, each stage must have a layer, and the
        layers named here must exist; those of heads only where the head does.
        """
        layers = {layer.name: layer for layer in model.layers}
        parts = (*self.stages, *self.between, *self.heads)
        for name, layer in layers.items():
            found = [part for part in parts if _part_of(name, (part,))]
            if layer.weights and len(found) != 1:
                raise ValueError(
                    f"layer {name!r} of model {model.name!r} is in the parts {found}; expected "
                    f"one part, as its name begins with one of {list(parts)} and '_'"
                )
        for stage in self.stages:
            if not any(self.stage_of(name) == stage for name in layers):
                raise ValueError(f"model {model.name!r} has no layer in {stage!r}; expected one")
        present = {self.head_of(name) for name, layer in layers.items() if layer.weights}
        last = [layer for head, layer in self.heads.items() if head in present]
        for name in (*self.first, *last):
            if name not in layers or not layers[name].weights:
                raise ValueError(
                    f"model {model.name!r} has no layer {name!r} with weights; expected one"
                )


def _part_of(layer: str, parts: Iterable[str]) -> str | None:
    return next((part for part in parts if layer.startswith(f"{part}_")), None)
