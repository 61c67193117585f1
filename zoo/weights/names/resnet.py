"""ResNet: `resnet50d` is timm's resnet50d and GluonCV's resnet50_v1d."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zoo.weights.names import Layers, Source, each

_GLUONCV_FORMS = {"": "v1", "b": "v1b", "c": "v1c", "d": "v1d", "_v2": "v2"}
# GluonCV's v1 and v2: a list of stem, stages, ...; in it, the index of the first stage.
_FIRST_STAGE = {"_v1": 4, "_v2": 5}


def sources(name: str) -> dict[str, Source]:
    depth, form = re.fullmatch(r"resnet(\d+)(b|c|d|_v2)?", name).groups(default="")
    found = {}
    deep = depth in ("50", "101", "152")
    if deep or depth in ("18", "34") and form not in ("c", "d"):
        found["gluoncv"] = Source(f"resnet{depth}_{_GLUONCV_FORMS[form]}", _gluoncv(form))
    # Of basic blocks, the original and b are the same function.
    is_b = form == "b" or form == "" and depth in ("18", "34")
    if is_b or form == "d" or form == "c" and deep:
        found["timm"] = Source(f"resnet{depth}{'' if is_b else form}", _pytorch)
    if is_b and depth not in ("26", "200"):
        found["torchvision"] = Source(f"resnet{depth}", _pytorch)
    if form == "" and deep:
        found["keras"] = Source(
            f"resnet{depth}", _keras, bn_epsilon=1.001e-5, keras_layout=True
        )
    return found


def _pytorch(modules: Mapping[str, str]) -> dict[str, str]:
    """timm, torchvision, and GluonCV's v1b, c and d."""
    deep_stem = any(name.startswith("conv1.") for name in modules)

    def layer(name: str, kind: str) -> str | None:
        if name in ("fc", "output"):
            return "head_dense"
        if name in ("conv1", "bn1"):
            return f"stem_{kind}{3 if deep_stem else 1}"
        if match := re.fullmatch(r"conv1\.(\d)", name):  # conv, norm, relu, conv, ...
            return f"stem_{kind}{int(match[1]) // 3 + 1}"
        if match := re.fullmatch(r"layer(\d)\.(\d+)\.(?:conv|bn)(\d)", name):
            return f"{_block(match)}_{kind}{match[3]}"
        if match := re.fullmatch(r"layer(\d)\.(\d+)\.downsample\.\d", name):
            return f"{_block(match)}_shortcut_{kind}"
        return None

    return each(modules, layer)


def _gluoncv(form: str) -> Layers:
    if form not in ("", "_v2"):
        return _pytorch
    first = _FIRST_STAGE[form or "_v1"]

    def layer(name: str, kind: str) -> str | None:
        if name == "output":
            return "head_dense"
        if match := re.fullmatch(r"features\.(\d)\.(\d+)\.(.*)", name):
            block, rest = _block(match, first), match[3]
            if rest.startswith("downsample"):
                return f"{block}_shortcut_{kind}"
            if inner := re.fullmatch(r"body\.(\d)", rest):  # conv, norm, relu, conv, ...
                return f"{block}_{kind}{int(inner[1]) // 3 + 1}"
            if inner := re.fullmatch(r"(?:conv|bn)(\d)", rest):
                return f"{block}_{kind}{inner[1]}"
        stem = {"0": "stem_conv1", "1": "stem_bn1"}
        if form == "_v2":
            stem = {"0": "input_bn", "1": "stem_conv1", "2": "stem_bn1", "9": "final_bn"}
        return stem.get(name.removeprefix("features."))

    return lambda modules: each(modules, layer)


def _keras(modules: Mapping[str, str]) -> dict[str, str]:
    def layer(name: str, kind: str) -> str | None:
        if name == "predictions":
            return "head_dense"
        if name in ("conv1_conv", "conv1_bn"):
            return f"stem_{kind}1"
        if match := re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(?:conv|bn)", name):
            part = "shortcut_" + kind if match[3] == "0" else kind + match[3]
            return f"stage{int(match[1]) - 1}_block{match[2]}_{part}"
        return None

    return each(modules, layer)


def _block(match: re.Match, first_stage: int = 1) -> str:
    return f"stage{int(match[1]) - first_stage + 1}_block{int(match[2]) + 1}"
