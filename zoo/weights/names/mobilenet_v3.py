"""MobileNet v3: `mobilenet_v3_small_050` is timm's mobilenetv3_small_050; GluonCV's
mobilenetv3_small, of a wider hidden layer, is `gluon_mobilenet_v3_small_100`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from zoo.models.mobilenet_v2 import numbered
from zoo.models.mobilenet_v3 import MODELS, V3Row
from zoo.weights.names import Layers, Source, each, in_order
from zoo.weights.names.mobilenet import timm

Blocks = Sequence[tuple[str, V3Row]]


def sources(name: str) -> dict[str, Source]:
    blocks = [(block, row) for block, row, _ in numbered(MODELS[name].deltas["rows"])]
    size, digits = name.rsplit("_", 2)[1:]
    found = {}
    if name in ("mobilenet_v3_large_100", "gluon_mobilenet_v3_small_100"):
        found["gluoncv"] = Source(f"mobilenetv3_{size}", _gluoncv(blocks))
    if not name.startswith("gluon_"):
        found["timm"] = Source(f"mobilenetv3_{size}_{digits}", _timm(blocks, size))
        if digits == "100":
            model = f"mobilenet_v3_{size}"
            found["torchvision"] = Source(model, _torchvision(blocks), bn_epsilon=1e-3)
    return found


def _timm(blocks: Blocks, size: str) -> Layers:
    last = {"large": 6, "small": 5}[size]  # of timm's stages: the 1x1 convolutions
    ends = {
        "conv_stem": "stem_conv", "bn1": "stem_bn",
        f"blocks.{last}.0.conv": "final_conv1", f"blocks.{last}.0.bn1": "final_bn1",
        f"blocks.{last}.1.conv": "final_conv2", f"blocks.{last}.1.bn1": "final_bn2",
        "conv_head": "head_dense1", "classifier": "head_dense",
    }
    return timm([block for block, _ in blocks], ends)


def _torchvision(blocks: Blocks) -> Layers:
    def layers(modules: Mapping[str, str]) -> dict[str, str]:
        convs, norms = ["stem_conv"], ["stem_bn"]
        for block, row in blocks:
            count = 2 if row.expansion == 1 else 3
            places = [f"{block}_conv{i}" for i in range(1, count + 1)]
            if row.squeeze:
                places[-1:-1] = [f"{block}_se_conv1", f"{block}_se_conv2"]
            convs += places
            norms += [f"{block}_bn{i}" for i in range(1, count + 1)]
        chain = {
            "conv": [*convs, "final_conv1"],
            "bn": [*norms, "final_bn1"],
            "dense": ["head_dense1", "head_dense"],
        }
        return in_order(modules, chain)

    return layers


def _gluoncv(blocks: Blocks) -> Layers:
    first = 3  # of the blocks in a list that the stem begins
    last = first + len(blocks)
    ends = {
        "features.0": "stem_conv", "features.1": "stem_bn",
        f"features.{last}": "final_conv1", f"features.{last + 1}": "final_bn1",
        f"features.{last + 4}": "head_dense1", "output.0": "head_dense",
    }

    def layers(modules: Mapping[str, str]) -> dict[str, str]:
        def layer(name: str, kind: str) -> str | None:
            if name in ends:
                return ends[name]
            match = re.fullmatch(r"features\.(\d+)\.(se|expand|conv1|conv2)\.(\w+)", name)
            if match is None or not first <= int(match[1]) < last:
                return None
            block = blocks[int(match[1]) - first][0]
            if match[2] == "se":
                return f"{block}_se_{match[3]}"
            position = ("expand", "conv1", "conv2").index(match[2])
            expands = f"features.{match[1]}.expand.conv" in modules
            return f"{block}_{kind}{position + expands}"

        return each(modules, layer)

    return layers
