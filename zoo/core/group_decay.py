"""Weight decay by groups of weights: those that recipes decay in another way than kernels.

Groups are told by the kind of a weight's layer, not by names. Importing this file loads no
TensorFlow.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.lazy import lazy_module
from zoo.spec import parse_options, require

if TYPE_CHECKING:
    import keras
else:
    keras = lazy_module("keras")

# norm: scales and offsets of normalisations. bias: those of all other layers. depthwise: kernels of
# depthwise convolutions.
GROUPS = ("norm", "bias", "depthwise")


def parse_group_decay(spec: str) -> dict[str, float]:
    """Weight decay by group, of a spec such as "norm=0, bias=2e-5"; {} for "".

    Raises ValueError, in one line, for another group, or a decay below 0.
    """
    decays = parse_options(spec) if spec else {}
    for group, decay in decays.items():
        require(group in GROUPS, "decay by groups", "group", group, f"one of {list(GROUPS)}")
        good = type(decay) in (int, float) and 0 <= decay < math.inf
        require(good, "decay by groups", group, decay, "a number of 0 or more")
    return decays


def check_group_decay(spec: str) -> None:
    """Raises ValueError where `parse_group_decay` would."""
    parse_group_decay(spec)


def decays_of(model: keras.Model, spec: str) -> dict[str, float]:
    """Weight decay by path, for the weights of `model` that are in a group of `spec`."""
    by_group = parse_group_decay(spec)
    groups = {
        weight.path: _group_of(layer, weight)
        for layer in model.layers for weight in layer.trainable_variables
    }
    return {path: by_group[group] for path, group in groups.items() if group in by_group}


def _group_of(layer: keras.Layer, weight: keras.Variable) -> str | None:
    layers = keras.layers
    norms = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization)
    if isinstance(layer, norms):
        return "norm"
    if len(weight.shape) == 1:
        return "bias"
    return "depthwise" if isinstance(layer, layers.DepthwiseConv2D) else None
