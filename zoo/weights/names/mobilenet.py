"""MobileNet: `mobilenet_v1_075` is GluonCV's mobilenet0.75; timm's have ReLU6, mobilenetv1_100
is `mobilenet_v1_100_relu6`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from zoo.models.mobilenet import STAGES
from zoo.weights.names import Layers, Source, each, in_order

_BLOCKS = [
    f"stage{stage}_block{block}"
    for stage, (_, count) in enumerate(STAGES, 1)
    for block in range(1, count + 1)
]
# timm's names of a block's layers; the first block of a network does not expand.
_EXPANDING = {"conv_pw": "conv1", "conv_dw": "conv2", "conv_pwl": "conv3"}
_NOT_EXPANDING = {"conv_dw": "conv1", "conv_pw": "conv2"}
_ALWAYS = {
    "bn1": "bn1", "bn2": "bn2", "bn3": "bn3",
    "se.conv_reduce": "se_conv1", "se.conv_expand": "se_conv2",
}
# And beside the blocks, but for MobileNet v3.
_ENDS = {
    "conv_stem": "stem_conv", "bn1": "stem_bn", "conv_head": "final_conv", "bn2": "final_bn",
    "classifier": "head_dense",
}


def sources(name: str) -> dict[str, Source]:
    digits = name.removeprefix("mobilenet_v1_")
    found = {}
    if digits in ("025", "050", "075", "100"):
        found["gluoncv"] = Source(f"mobilenet{int(digits) / 100}", _gluoncv)
    if digits in ("100_relu6", "100h", "125"):
        found["timm"] = Source(f"mobilenetv1_{digits.removesuffix('_relu6')}", timm(_BLOCKS))
    return found


def timm(blocks: Sequence[str], ends: Mapping[str, str] = _ENDS) -> Layers:
    """For networks of timm's that are `blocks` (names here) between `ends` (module -> layer)."""

    def layers(modules: Mapping[str, str]) -> dict[str, str]:
        matches = (re.match(r"blocks\.\d+\.\d+", name) for name in modules)
        there = dict.fromkeys(match[0] for match in matches if match)
        block_of = dict(zip(there, blocks, strict=False))

        def layer(name: str, kind: str) -> str | None:
            match = re.fullmatch(r"(blocks\.\d+\.\d+)\.(.+)", name)
            if match is None or match[1] not in block_of:
                return ends.get(name)
            expands = f"{match[1]}.conv_pwl" in modules
            parts = _ALWAYS | (_EXPANDING if expands else _NOT_EXPANDING)
            return f"{block_of[match[1]]}_{parts[match[2]]}" if match[2] in parts else None

        return each(modules, layer)

    return layers


def chain(blocks: Iterable[tuple[str, int]]) -> dict[str, list[str]]:
    """For `in_order`: the stem and `blocks`, each of which is (name, convolutions)."""
    places = ["stem_{}"]
    places += [f"{block}_{{}}{i}" for block, count in blocks for i in range(1, count + 1)]
    return {kind: [place.format(kind) for place in places] for kind in ("conv", "bn")}


def _gluoncv(modules: Mapping[str, str]) -> dict[str, str]:
    blocks = [(block, 2) for block in _BLOCKS]
    return in_order(modules, {**chain(blocks), "dense": ["head_dense"]})
