"""VGG: called alike by all; keras.applications has two of the eight."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zoo.models.vgg import NUM_CONVS
from zoo.weights.names import Layers, Source, each, in_order
from zoo.weights.names.alexnet import DENSE

_KERAS_DENSE = dict(zip(("fc1", "fc2", "predictions"), DENSE, strict=True))


def sources(name: str) -> dict[str, Source]:
    depth = int(re.fullmatch(r"vgg(\d+)(?:_bn)?", name)[1])
    found = {
        "timm": Source(name, _layers(depth, convs=DENSE[:2], dense=DENSE[2:])),
        "torchvision": Source(name, _layers(depth, dense=DENSE)),
        "gluoncv": Source(name, _layers(depth, dense=DENSE)),
    }
    if name in ("vgg16", "vgg19"):
        found["keras"] = Source(name, _keras)
    return found


def _layers(depth: int, *, dense: tuple[str, ...], convs: tuple[str, ...] = ()) -> Layers:
    """`convs`: the dense layers that are convolutions over the whole map there."""
    places = [
        f"stage{stage}_{{kind}}{i}"
        for stage, count in enumerate(NUM_CONVS[depth], 1)
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
