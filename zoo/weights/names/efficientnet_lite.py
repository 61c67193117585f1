"""EfficientNet-Lite: `efficientnet_lite0` is timm's tf_efficientnet_lite0 and efficientnet-lite0
of the package efficientnet_lite_pytorch, `efficientnet_lite0_torch` timm's efficientnet_lite0."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from zoo.models import efficientnet_lite, mobilenet_v2
from zoo.weights.names import Layers, Source, each
from zoo.weights.names.mobilenet import timm

_ENDS = {
    "_conv_stem": "stem_conv", "_bn0": "stem_bn", "_conv_head": "final_conv", "_bn1": "final_bn",
    "_fc": "head_dense",
}
# The layers of a block, one after the other.
_CONVS = ("_expand_conv", "_depthwise_conv", "_project_conv")
_NORMS = ("_bn0", "_bn1", "_bn2")


def sources(name: str) -> dict[str, Source]:
    depth = efficientnet_lite.MODELS[name].deltas["depth"]
    rows = mobilenet_v2.scaled_rows(efficientnet_lite.ROWS, 1, depth)
    blocks = [block for block, _, _ in mobilenet_v2.numbered(rows)]
    if name.endswith("_torch"):
        return {"timm": Source(name.removesuffix("_torch"), timm(blocks))}
    return {
        "timm": Source(f"tf_{name}", timm(blocks)),
        "efficientnet_lite_pytorch": Source(
            name.replace("_", "-"), _efficientnet_lite_pytorch(blocks)
        ),
    }


def _efficientnet_lite_pytorch(blocks: Sequence[str]) -> Layers:
    def layers(modules: Mapping[str, str]) -> dict[str, str]:
        def layer(name: str, kind: str) -> str | None:
            match = re.fullmatch(r"_blocks\.(\d+)\.(.+)", name)
            if match is None or int(match[1]) >= len(blocks):
                return _ENDS.get(name)
            parts = _CONVS if kind == "conv" else _NORMS
            if match[2] not in parts:
                return None
            # A block that does not expand begins with the second.
            expands = f"_blocks.{match[1]}._expand_conv" in modules
            return f"{blocks[int(match[1])]}_{kind}{parts.index(match[2]) + expands}"

        return each(modules, layer)

    return layers
