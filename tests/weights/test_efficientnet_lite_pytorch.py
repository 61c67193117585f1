"""The name map of the package efficientnet_lite_pytorch, against timm's names for the same net."""

from __future__ import annotations

import re

import keras
import numpy as np
from test_parity import FIXTURES, shapes_of, synthetic

import zoo.models
import zoo.weights

ENDS = {
    "conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1",
    "classifier": "_fc",
}  # fmt: skip
# timm counts a block's normalisations from 1, the package from that of the expansion, _bn0.
FIRST_BLOCK = {
    "conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2",
}  # fmt: skip
BLOCK = {
    "conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
    "conv_pwl": "_project_conv", "bn3": "_bn2",
}  # fmt: skip


def renamed(names: list[str]) -> dict[str, str]:
    """timm's name -> the package's, which counts blocks through all stages."""
    blocks, found = [], {}
    for name in names:
        module, _, leaf = name.rpartition(".")
        if match := re.fullmatch(r"(blocks\.\d+\.\d+)\.(\w+)", module):
            if match[1] not in blocks:
                blocks.append(match[1])
            parts = BLOCK if len(blocks) > 1 else FIRST_BLOCK
            module = f"_blocks.{len(blocks) - 1}.{parts[match[2]]}"
        else:
            module = ENDS[module]
        found[name] = f"{module}.{leaf}"
    return found


def test_its_names_and_those_of_timm_load_alike(monkeypatch):
    monkeypatch.setattr(zoo.models.blocks, "KERNEL_INITIALIZER", "zeros")
    shapes = shapes_of(np.load(FIXTURES / "timm-efficientnet_lite0.npz"))
    tensors = {name: synthetic(name, shape) for name, shape in shapes.items()}
    names = renamed(list(shapes))
    assert names["blocks.2.1.conv_pwl.weight"] == "_blocks.4._project_conv.weight"
    package = {names[name]: value for name, value in tensors.items()}
    package["_blocks.0._bn1.num_batches_tracked"] = np.int64(7)
    options = {"input_shape": (32, 32, 3)}
    timm, ours = (
        zoo.weights.load_pretrained(name, values, **options)
        for name, values in (
            ("timm:tf_efficientnet_lite0", tensors),
            ("efficientnet_lite_pytorch:efficientnet-lite0", package),
        )
    )
    assert timm.name == ours.name == "efficientnet_lite0"
    assert len(timm.weights) == len(shapes)
    for expected, weight in zip(timm.weights, ours.weights, strict=True):
        expected, weight = (keras.ops.convert_to_numpy(x) for x in (expected, weight))
        np.testing.assert_array_equal(weight, expected)
        assert weight.std() > 0
