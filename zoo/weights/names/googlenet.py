"""GoogLeNet: `googlenet_bn` is torchvision's and GluonCV's googlenet.

GluonCV's is the same function for images of 224x224: its last two poolings leave the edge of other
sizes out. torchvision's published weights expect images normalised with mean and deviation 0.5
(`transform_input=True` there), a matter of preprocessing; its auxiliary heads are not trained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from zoo.weights.names import UNUSED, Source, each


def sources(name: str) -> dict[str, Source]:
    if name != "googlenet_bn":
        return {}
    return {
        "torchvision": Source("googlenet", _torchvision),
        "gluoncv": Source("googlenet", _gluoncv),
    }


def _torchvision(modules: Mapping[str, str]) -> dict[str, str]:
    def layer(name: str, kind: str) -> str | None:
        if match := re.fullmatch(r"(aux\d)\.(conv\.(?:conv|bn)|fc1|fc2)", name):
            return f"{match[1]}_" + {"fc1": "dense1", "fc2": "dense"}.get(match[2], kind)
        # Branches 2 and 3 are lists of convolutions, branch 4 one of a pooling and a convolution.
        if match := re.fullmatch(r"inception(\d[a-e])\.branch(\d)(?:\.(\d))?\.(?:conv|bn)", name):
            return _in_block(match[1], int(match[2]), int(match[3] or 0), kind)
        return _outside(name.removesuffix(".conv").removesuffix(".bn"), kind)

    return each(modules, layer)


def _gluoncv(modules: Mapping[str, str]) -> dict[str, str]:
    def layer(name: str, kind: str) -> str | None:
        if name == "head.2":  # a second classifier, fed by nothing
            return UNUSED
        if match := re.fullmatch(r"inception(\d[a-e])\.(\d)\.(\d)\.[01]", name):
            return _in_block(match[1], int(match[2]) + 1, int(match[3]), kind)
        return _outside(re.sub(r"\.[01]$", "", name), kind)

    return each(modules, layer)


def _in_block(block: str, branch: int, position: int, kind: str) -> str:
    """`block` as "3a"; `position` in the branch, counted from 0."""
    index = position if branch == 4 else position + 1
    number = ord(block[1]) - ord("a") + 1
    return f"stage{block[0]}_block{number}_branch{branch}_{kind}{index}"


def _outside(name: str, kind: str) -> str | None:
    if name in ("fc", "output"):
        return "head_dense"
    places = {"conv1": ("stage1", ""), "conv2": ("stage2", "1"), "conv3": ("stage2", "2")}
    if name not in places:
        return None
    stage, index = places[name]
    return f"{stage}_{kind}{index}"
