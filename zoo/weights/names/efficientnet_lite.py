"""EfficientNet-Lite: called alike by timm; `tf_efficientnet_lite0` is efficientnet-lite0 of the
package efficientnet_lite_pytorch too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from zoo.models import efficientnet_lite, mobilenet_v2
from zoo.weights.names import Source, each
from zoo.weights.names.mobilenet import Layers, timm

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
    found = {"timm": Source(name, timm(blocks))}
    if name.startswith("tf_"):
        model = f"efficientnet-{name.rpartition('_')[2]}"
        found["efficientnet_lite_pytorch"] = Source(model, _efficientnet_lite_pytorch(blocks))
    return found


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
