"""DenseNet: called alike by all; keras.applications lacks densenet161."""

from __future__ import annotations

import re
from collections.abc import Mapping

from zoo.weights.names import Source, each

_PYTORCH = {
    "features.conv0": "stem_conv", "features.norm0": "stem_bn", "features.norm5": "final_bn",
    "classifier": "head_dense",
}
_GLUONCV = {
    "features.0": "stem_conv", "features.1": "stem_bn", "features.11": "final_bn",
    "output": "head_dense",
}
# In GluonCV's files, which are older than its code, modules are called by kind and number.
_GLUONCV_FILE = {
    "conv0": "stem_conv", "batchnorm0": "stem_bn", "batchnorm4": "final_bn",
    "dense0": "head_dense",
}
_KERAS = {
    "conv1_conv": "stem_conv", "conv1_bn": "stem_bn", "bn": "final_bn",
    "predictions": "head_dense",
}


def sources(name: str) -> dict[str, Source]:
    found = {
        "timm": Source(name, _pytorch),
        "torchvision": Source(name, _pytorch),
        "gluoncv": Source(name, _gluoncv),
    }
    if name != "densenet161":
        found["keras"] = Source(name, _keras, bn_epsilon=1.001e-5, keras_layout=True)
    return found


def _pytorch(modules: Mapping[str, str]) -> dict[str, str]:
    def layer(name: str, kind: str) -> str | None:
        # "norm.1", not "norm1", in the files of torchvision, which are older than its code.
        pattern = r"features\.denseblock(\d)\.denselayer(\d+)\.(?:norm|conv)\.?([12])"
        if match := re.fullmatch(pattern, name):
            return f"stage{match[1]}_block{match[2]}_{kind}{match[3]}"
        if match := re.fullmatch(r"features\.transition(\d)\.(?:norm|conv)", name):
            return _transition(int(match[1]), kind)
        return _PYTORCH.get(name)

    return each(modules, layer)


def _gluoncv(modules: Mapping[str, str]) -> dict[str, str]:
    """In one list 4, 6, 8, 10 are the blocks and 5, 7, 9 the transitions."""

    def layer(name: str, kind: str) -> str | None:
        # Beside the identity, .0: norm, relu, conv, norm, relu, conv.
        if match := re.fullmatch(r"features\.(4|6|8|10)\.(\d+)\.1\.([0235])", name):
            index = int(match[3]) // 3 + 1
            return f"stage{int(match[1]) // 2 - 1}_block{int(match[2]) + 1}_{kind}{index}"
        if match := re.fullmatch(r"features\.([579])\.[02]", name):
            return _transition(int(match[1]) // 2 - 1, kind)
        if match := re.fullmatch(r"stage(\d)_(?:conv|batchnorm)(\d+)", name):
            block, index = divmod(int(match[2]), 2)
            return f"stage{match[1]}_block{block + 1}_{kind}{index + 1}"
        if match := re.fullmatch(r"(?:conv|batchnorm)([123])", name):
            return _transition(int(match[1]), kind)
        return (_GLUONCV | _GLUONCV_FILE).get(name)

    return each(modules, layer)


def _keras(modules: Mapping[str, str]) -> dict[str, str]:
    def layer(name: str, kind: str) -> str | None:
        if match := re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(?:bn|conv)", name):
            index = int(match[3]) + (kind == "bn")
            return f"stage{int(match[1]) - 1}_block{match[2]}_{kind}{index}"
        if match := re.fullmatch(r"pool(\d)_(?:bn|conv)", name):
            return _transition(int(match[1]) - 1, kind)
        return _KERAS.get(name)

    return each(modules, layer)


def _transition(stage: int, kind: str) -> str:
    """Of the transition behind `stage`."""
    return f"stage{stage + 1}_transition_{kind}1"
