"""The builders against the logits of public implementations, on synthetic weights.

fixtures/README.md says what a fixture holds and how its weights follow from names and shapes.
"""

from __future__ import annotations

import json
import math
import pathlib
import re
import zlib

import keras
import numpy as np
import pytest

import zoo.models

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
# Fixture -> the model here that is the same function.
SAME_FUNCTION = {
    "timm-resnet18": "resnet18b",
    "timm-resnet18d": "resnet18d",
    "timm-resnet50": "resnet50b",
    "timm-resnet50d": "resnet50d",
    "timm-resnet101d": "resnet101d",
    "gluoncv-resnet18_v1": "resnet18",
    "gluoncv-resnet50_v1": "resnet50",
    "gluoncv-resnet50_v1b": "resnet50b",
    "gluoncv-resnet50_v1c": "resnet50c",
    "gluoncv-resnet50_v1d": "resnet50d",
    "gluoncv-resnet50_v2": "resnet50_v2",
}
TOLERANCE = 2e-5
VARIABLES = {
    "weight": "gamma",
    "gamma": "gamma",
    "bias": "beta",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
EPSILON = 1e-5


def synthetic(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))
    if name.endswith("running_var"):
        value = 0.5 + rng.random(shape)
    elif name.endswith("running_mean"):
        value = 0.1 * rng.standard_normal(shape)
    elif len(shape) >= 2:
        value = rng.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:]))
    elif name.endswith(("weight", "gamma")):
        value = 0.6 + 0.1 * rng.standard_normal(shape)
    else:
        value = 0.1 * rng.standard_normal(shape)
    return value.astype("float32")


def layer_of(module: str, is_kernel: bool) -> str:
    """Reference module name -> layer name here; the index of a list says which kind it is."""
    kind = "conv" if is_kernel else "bn"
    if module in ("fc", "output"):
        return "head_dense"
    if match := re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn)(\d)", module):  # timm, v1b, c, d
        stage, block, kind, index = match.groups()
        return f"stage{stage}_block{int(block) + 1}_{kind}{index}"
    if match := re.fullmatch(r"layer(\d)\.(\d+)\.downsample\.\d", module):
        return f"stage{match[1]}_block{int(match[2]) + 1}_shortcut_{kind}"
    if match := re.fullmatch(r"conv1\.(\d)", module):  # deep stem: conv, bn, relu, conv, ...
        return f"stem_{kind}{int(match[1]) // 3 + 1}"
    if match := re.fullmatch(r"features\.(\d)\.(\d+)\.body\.(\d)", module):  # v1
        return f"stage{int(match[1]) - 3}_block{int(match[2]) + 1}_{kind}{int(match[3]) // 3 + 1}"
    if match := re.fullmatch(r"features\.(\d)\.(\d+)\.downsample\.\d", module):
        return f"stage{int(match[1]) - 3}_block{int(match[2]) + 1}_shortcut_{kind}"
    if match := re.fullmatch(r"features\.(\d)\.(\d+)\.(conv|bn)(\d)", module):  # v2
        stage, block, kind, index = match.groups()
        return f"stage{int(stage) - 4}_block{int(block) + 1}_{kind}{index}"
    if match := re.fullmatch(r"features\.(\d)\.(\d+)\.downsample", module):
        return f"stage{int(match[1]) - 4}_block{int(match[2]) + 1}_shortcut_conv"
    raise KeyError(module)


def stem_names(fixture: str) -> dict[str, str]:
    """The modules outside of the stages, whose numbers mean another thing in each form."""
    if fixture.endswith("_v2"):
        return {
            "features.0": "input_bn",
            "features.1": "stem_conv1",
            "features.2": "stem_bn1",
            "features.9": "final_bn",
        }
    if fixture.endswith("_v1"):
        return {"features.0": "stem_conv1", "features.1": "stem_bn1"}
    if fixture.endswith(("c", "d")):
        return {"bn1": "stem_bn3"}
    return {"conv1": "stem_conv1", "bn1": "stem_bn1"}


def keras_weights(fixture: str, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """{"layer/variable": value}; what our networks have no variable for is folded away."""
    stem = stem_names(fixture)
    values: dict[str, np.ndarray] = {}
    conv_bias: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        module, _, leaf = name.rpartition(".")
        value = synthetic(name, shape)
        conv = len(shape) == 4 or (leaf == "bias" and len(shapes[f"{module}.weight"]) == 4)
        layer = stem.get(module) or layer_of(module, conv)
        if layer == "head_dense":
            values[f"{layer}/{'bias' if leaf == 'bias' else 'kernel'}"] = value.T
        elif len(shape) == 4:
            values[f"{layer}/kernel"] = value.transpose(2, 3, 1, 0)
        elif conv:
            conv_bias[layer] = value
        else:
            values[f"{layer}/{VARIABLES[leaf]}"] = value
    for layer, bias in conv_bias.items():  # bn(x + bias) = bn with its mean less the bias
        values[f"{layer.replace('conv', 'bn')}/moving_mean"] -= bias
    if "input_bn/beta" in values:  # MXNet's scale=False reads no gamma, center=False still adds
        del values["input_bn/gamma"]
        deviation = np.sqrt(values["input_bn/moving_variance"] + EPSILON)
        values["input_bn/moving_mean"] -= values.pop("input_bn/beta") * deviation
    return values


def relative_difference(fixture: str) -> tuple[float, int]:
    """max|difference| / max|logit|, and the number of conv biases that were folded away."""
    data = np.load(FIXTURES / f"{fixture}.npz")
    names = [str(name) for name in data["names"]]
    shapes = dict(zip(names, (tuple(json.loads(str(s))) for s in data["shapes"]), strict=True))
    size = int(data["input_size"])
    model = zoo.models.create_model(SAME_FUNCTION[fixture], input_shape=(size, size, 3))

    folded = sum(
        math.prod(shape)
        for name, shape in shapes.items()
        if "body" in name and name.endswith("bias") and f"{name[:-4]}weight" in shapes
    )
    assert zoo.models.count_trainable(model) == int(data["params"]) - folded
    if int(data["macs"]) >= 0:
        assert zoo.models.count_macs(model) == int(data["macs"])

    values = keras_weights(fixture, shapes)
    assert {w.path for w in model.weights} == set(values)
    for weight in model.weights:
        weight.assign(values[weight.path])
    rng = np.random.Generator(np.random.Philox(key=20181204))
    images = rng.standard_normal((2, size, size, 3)).astype("float32")
    logits = keras.ops.convert_to_numpy(model(images, training=False))
    return float(np.abs(logits - data["logits"]).max() / np.abs(data["logits"]).max()), folded


@pytest.mark.parametrize("fixture", SAME_FUNCTION)
def test_logits_are_those_of_the_public_implementation(fixture):
    difference, folded = relative_difference(fixture)
    print(f"{fixture}: max|difference| / max|logit| = {difference:.1e}")
    assert difference <= TOLERANCE
    # Only GluonCV's bottleneck v1 has biases in front of a normalisation.
    assert (folded > 0) == (fixture == "gluoncv-resnet50_v1")


def test_every_fixture_is_compared():
    assert {path.stem for path in FIXTURES.glob("*.npz")} == set(SAME_FUNCTION)
