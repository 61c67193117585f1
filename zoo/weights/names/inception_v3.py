"""Inception-v3: timm's and torchvision's inception_v3, GluonCV's inceptionv3.

torchvision's published weights expect images normalised with mean and deviation 0.5
(`transform_input=True` there), a matter of preprocessing. keras.applications has another function
under this name: its averages leave the zeros beyond the edge out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from zoo.weights.names import Source, each

# GluonCV: stem, poolings and blocks in one list; the indices of the convolutions and blocks.
_GLUONCV = {
    **{i: f"stage1_{{kind}}{i + 1}" for i in range(3)},
    **{i: f"stage2_{{kind}}{i - 3}" for i in (4, 5)},
    **{i: f"stage3_block{i - 6}" for i in range(7, 10)},
    **{i: f"stage4_block{i - 9}" for i in range(10, 15)},
    **{i: f"stage5_block{i - 14}" for i in range(15, 18)},
}
_STEM = {
    "Conv2d_1a_3x3": "stage1_{kind}1",
    "Conv2d_2a_3x3": "stage1_{kind}2",
    "Conv2d_2b_3x3": "stage1_{kind}3",
    "Conv2d_3b_1x1": "stage2_{kind}1",
    "Conv2d_4a_3x3": "stage2_{kind}2",
}


def sources(name: str) -> dict[str, Source]:
    return {
        "timm": Source("inception_v3", _pytorch),
        "torchvision": Source("inception_v3", _pytorch),
        "gluoncv": Source("inceptionv3", _gluoncv),
    }


def _pytorch(modules: Mapping[str, str]) -> dict[str, str]:
    """timm and torchvision; only the latter has the auxiliary head."""

    def layer(name: str, kind: str) -> str | None:
        if name in ("fc", "AuxLogits.fc"):
            return "head_dense" if name == "fc" else "aux1_dense"
        module = re.sub(r"\.(conv|bn)$", "", name)
        if module in _STEM:
            return _STEM[module].format(kind=kind)
        if match := re.fullmatch(r"AuxLogits\.conv([01])", module):
            return f"aux1_{kind}{int(match[1]) + 1}"
        pattern = r"Mixed_([5-7])([a-e])\.branch_?([0-9a-z]+?)(?:_(\d[ab]?))?"
        if match := re.fullmatch(pattern, module):
            stage, letter, branch, index = match.groups(default="1")
            # "5a" is a pooling there.
            block = ord(letter) - ord("a") + (0 if stage == "5" else 1)
            number = _branch(branch, reduces=letter == "a")
            return f"stage{int(stage) - 2}_block{block}_branch{number}_{kind}{index}"
        return None

    return each(modules, layer)


def _branch(name: str, *, reduces: bool) -> int:
    """The number of a branch that is called by its kernels."""
    if reduces:
        return 1 if name == "3x3" else 2
    return {"1x1": 1, "pool": 4}.get(name, 3 if name.endswith("dbl") else 2)


def _gluoncv(modules: Mapping[str, str]) -> dict[str, str]:
    def layer(name: str, kind: str) -> str | None:
        if name == "output":
            return "head_dense"
        if not re.fullmatch(r"features(\.\d+)+", name):
            return None
        # The last number tells convolution and normalisation apart.
        part, *path = (int(number) for number in name.split(".")[1:-1])
        if part not in _GLUONCV:
            return None
        if not path:
            return _GLUONCV[part].format(kind=kind)
        branch = path[0] + 1
        return f"{_GLUONCV[part]}_branch{branch}_{kind}{_gluoncv_index(branch, path[1:])}"

    return each(modules, layer)


def _gluoncv_index(branch: int, path: list[int]) -> str:
    """Which convolution of the branch `path` leads to."""
    if len(path) == 3:  # (1, which of the two, 0): the 1x3 and the 3x1 that end branches 2 and 3
        return f"{branch}{'ab'[path[1]]}"
    # A pooling begins branch 4.
    return str(path[-1] + (0 if branch == 4 else 1))
