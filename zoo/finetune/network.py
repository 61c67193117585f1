"""The network inside a model: what `zoo.with_preprocessing` or an app has wrapped.

In a Functional or Sequential model the network may be one layer, behind others that prepare the
images; such models may be nested. All of fine-tuning works on the network that is found here, and
keeps what stands in front of it.
"""

from __future__ import annotations

from typing import NamedTuple

from zoo.lazy import lazy_module
from zoo.models import structure_of

keras = lazy_module("keras")


class _Inside(NamedTuple):
    """fronts: of each model around the network what stands before it, the outermost first.
    behind: the names of the layers with weights that follow it."""

    network: keras.Model
    fronts: list[keras.Model]
    behind: list[str]


def network_of(model: keras.Model) -> keras.Model:
    """The network in `model` of which it is known which layers do what; `model`, where it is one.

    Known for what `zoo.create_model` builds and `zoo.transfer` returns, and for the zoo's models
    out of a .keras file. Of another network you say it yourself, once:
    `model.structure = zoo.models.structure.Structure(first=..., stages=..., heads=...)`.

    Raises:
      ValueError: there is none on the one way from the output to the images, or layers with
        weights follow it.
    """
    return _known(model).network


def in_place_of_network(model: keras.Model, network: keras.Model) -> keras.Model:
    """`network` behind copies of what stands in front of the network of `model`.

    `network` itself where nothing does. What follows it in `model`, as a softmax, goes.

    Raises:
      ValueError: as `network_of`.
    """
    images = features = None
    for front in _known(model).fronts:
        copy = keras.models.clone_model(front)
        copy.set_weights(front.get_weights())
        if images is None:
            images, features = copy.input, copy.output
        else:
            features = copy(features)
    return network if images is None else keras.Model(images, network(features), name=model.name)


def _known(model: keras.Model) -> _Inside:
    found = _opened(model)
    if found is None:
        raise ValueError(
            f"got model {model.name!r}, of which it is not known which layers do what; expected "
            "one of zoo.create_model, alone or inside of another model, or one with an attribute "
            "structure, a zoo.models.structure.Structure"
        )
    if found.behind:
        raise ValueError(
            f"got model {model.name!r} with layer {found.behind[0]!r} behind the network "
            f"{found.network.name!r}; expected no weights behind it, or the network alone"
        )
    return found


def _opened(model: keras.Model) -> _Inside | None:
    if structure_of(model) is not None:
        return _Inside(model, [], [])
    behind: list[str] = []
    tensors = getattr(model, "outputs", ())  # a subclass of Model has none
    while len(calls := {tensor._keras_history[:2] for tensor in tensors}) == 1:
        operation, node = calls.pop()
        tensors = operation._inbound_nodes[node].input_tensors
        if isinstance(operation, keras.Model) and len(tensors) == 1:
            found = _opened(operation)
            if found is not None:
                is_list = isinstance(model, keras.Sequential)  # which has no `input`
                front = keras.Model(model.inputs[0] if is_list else model.input, tensors[0])
                return _Inside(found.network, [front, *found.fronts], [*found.behind, *behind])
        if getattr(operation, "weights", ()):
            behind.append(operation.name)
    return None
