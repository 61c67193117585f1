"""AlexNet: `alexnet_owt` is torchvision's and GluonCV's alexnet; nobody has the paper's."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.weights.names import Source, in_order

_CONVS = ("stage1_conv1", "stage2_conv1", "stage3_conv1", "stage3_conv2", "stage3_conv3")
DENSE = ("head_dense1", "head_dense2", "head_dense")


def sources(name: str) -> dict[str, Source]:
    if name != "alexnet_owt":
        return {}
    return {library: Source("alexnet", _layers) for library in ("torchvision", "gluoncv")}


def _layers(modules: Mapping[str, str]) -> dict[str, str]:
    return in_order(modules, {"conv": _CONVS, "dense": DENSE})
