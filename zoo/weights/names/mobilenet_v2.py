"""MobileNet v2: `mobilenet_v2_050` is timm's mobilenetv2_050; GluonCV's mobilenetv2_0.5, whose
channels are not rounded, is `gluon_mobilenet_v2_050`."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.models import mobilenet_v2
from zoo.weights.names import Layers, Source, in_order
from zoo.weights.names.mobilenet import chain, timm


def sources(name: str) -> dict[str, Source]:
    depth = mobilenet_v2.MODELS[name].deltas["depth"]
    blocks = mobilenet_v2.numbered(mobilenet_v2.scaled_rows(mobilenet_v2.ROWS, 1, depth))
    digits = name.rpartition("_")[2]
    in_a_row = _chain({block: 2 if row.expansion == 1 else 3 for block, row, _ in blocks})
    found = {}
    if digits == "100" or name.startswith("gluon_"):
        found["gluoncv"] = Source(f"mobilenetv2_{int(digits) / 100}", in_a_row)
    if digits == "100":
        found["torchvision"] = Source("mobilenet_v2", in_a_row)
    if digits != "025" and not name.startswith("gluon_"):
        found["timm"] = Source(f"mobilenetv2_{digits}", timm([block for block, _, _ in blocks]))
    return found


def _chain(num_convs: Mapping[str, int]) -> Layers:
    def layers(modules: Mapping[str, str]) -> dict[str, str]:
        places = chain(num_convs.items())
        # GluonCV's classifier is a 1x1 convolution.
        places["conv"] += ["final_conv", "head_dense"]
        places["bn"] += ["final_bn"]
        return in_order(modules, {**places, "dense": ["head_dense"]})

    return layers
