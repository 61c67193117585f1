"""The stages of a network: stem, stage1, stage2, ...

Which layers a stage holds is data of the model's family, `zoo.models.structure.Structure`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.finetune.network import in_place_of_network, network_of
from zoo.lazy import lazy_module
from zoo.models import structure_of

if TYPE_CHECKING:
    import keras
else:
    keras = lazy_module("keras")


@dataclasses.dataclass(frozen=True)
class Stage:
    """Where a stage ends: layer name, stride of its map against the images, channels."""

    layer: str
    stride: int
    channels: int


def stages(model: keras.Model) -> dict[str, Stage]:
    """Name -> `Stage`, from the images to the classifier; "stem" is one where a network has it.

    A stage ends before the map shrinks for the next one. Maps of any other shape than
    [B, h, w, C], as of the hidden layers of an MLP, belong to no stage.

    Raises:
      ValueError: nothing is known of the model's structure, see `network_of`.
    """
    network = network_of(model)
    structure = structure_of(network)
    found = {}
    for layer in network.layers:
        name = structure.stage_of(layer.name)
        if name is not None and len(layer.output.shape) == 4:
            found[name] = Stage(layer.name, _stride(layer.output), layer.output.shape[-1])
    return found


def stage_names(model: keras.Model) -> list[str]:
    """The stages that the model has a layer of, from the images to the classifier.

    Raises:
      ValueError: nothing is known of the model's structure.
    """
    network = network_of(model)
    structure = structure_of(network)
    present = {structure.stage_of(layer.name) for layer in network.layers}
    return [stage for stage in structure.stages if stage in present]


def feature_extractor(model: keras.Model, names: Sequence[str] | None = None) -> keras.Model:
    """A model with the same weights and the maps of the named stages; what stands in front of the
    network, as normalisation, stays there.

    names: of `stages(model)`; by default all but the stem. The output is a dict, name -> map
    [B, about height / stride, about width / stride, channels]; the strides are in `stages`.

    Raises:
      ValueError: a name that is no stage of this model, or nothing is known of its structure.
    """
    known = stages(model)
    if names is None:
        names = [name for name in known if name != "stem"]
    if not names or (unknown := [name for name in names if name not in known]):
        wrong = unknown[0] if names else names
        raise ValueError(
            f"got stage {wrong!r} for model {model.name!r}; expected some of {list(known)}"
        )
    network = network_of(model)
    outputs = {name: network.get_layer(known[name].layer).output for name in names}
    features = keras.Model(network.input, outputs, name=f"{network.name}_features")
    features.structure = structure_of(network)
    return in_place_of_network(model, features)


def _stride(tensor: keras.KerasTensor) -> int:
    """The product of the strides on a way back to the images: of a map that valid padding made,
    the quotient of the sizes would be too large."""
    stride = 1
    while True:
        operation = tensor._keras_history.operation
        if isinstance(operation, keras.layers.InputLayer):
            return stride
        stride *= getattr(operation, "strides", (1,))[0]
        inputs = operation.input  # of several, all ways have the same strides
        tensor = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
