"""VGG: called alike by all; keras.applications has two of the eight."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from zoo.models.vgg import MODELS
from zoo.weights.names import Layers, Source, each, in_order
from zoo.weights.names.alexnet import DENSE

_KERAS_DENSE = dict(zip(("fc1", "fc2", "predictions"), DENSE, strict=True))


def sources(name: str) -> dict[str, Source]:
    num_convs = MODELS[name].deltas["num_convs"]
    found = {
        "timm": Source(name, _layers(num_convs, convs=DENSE[:2], dense=DENSE[2:])),
        "torchvision": Source(name, _layers(num_convs, dense=DENSE)),
        "gluoncv": Source(name, _layers(num_convs, dense=DENSE)),
    }
    if name in ("vgg16", "vgg19"):
        found["keras"] = Source(name, _keras, keras_layout=True)
    return found


def _layers(
    num_convs: Sequence[int], *, dense: Sequence[str], convs: Sequence[str] = ()
) -> Layers:
    """`convs`: the dense layers that are convolutions over the whole map there."""
    places = [
        f"stage{stage}_{{kind}}{i}"
        for stage, count in enumerate(num_convs, 1)
        for i in range(1, count + 1)
    ]
    chain = {
        "conv": [*(place.format(kind="conv") for place in places), *convs],
        "bn": [place.format(kind="bn") for place in places],
        "dense": dense,
    }
    return lambda modules: in_order(modules, chain)


def _keras(modules: Mapping[str, str]) -> dict[str, str]:
    def layer(name: str, kind: str) -> str | None:
        if match := re.fullmatch(r"block(\d)_(conv\d)", name):
            return f"stage{match[1]}_{match[2]}"
        return _KERAS_DENSE.get(name)

    return each(modules, layer)
