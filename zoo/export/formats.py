"""The formats of an export: which precisions each has, how far its answers may lie, what it needs.

The bounds are those of the largest difference between any probability of any image, in the file's
answers and in those of the Keras model; docs/measurements/exports.md has what is measured.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping
from types import ModuleType

from zoo.lazy import lazy_module

ON_BAD_IMAGE = ("fail", "flag")
PRECISIONS = ("float32", "bfloat16", "float16", "int8", "int8_dynamic")


@dataclasses.dataclass(frozen=True)
class Format:
    """A format.

    module: has `write(model, folder, chosen)`, `opened(folder)`, a function of images
         to probabilities, and `usage(folder)`, lines of Python.
    bounds: by precision, the largest difference of a probability.
    lacks: by precision, why the format does not have it.
    packages: what the module imports beside what this package requires; `extra` brings them.
    """

    module: ModuleType
    bounds: Mapping[str, float]
    lacks: Mapping[str, str]
    packages: tuple[str, ...] = ()
    extra: str = ""


_NO_CONVOLUTION = "Keras' quantizer knows no convolution"
FORMATS = {
    "saved_model": Format(
        lazy_module("zoo.export.saved_model"),
        {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02},
        {"int8": _NO_CONVOLUTION, "int8_dynamic": _NO_CONVOLUTION},
    ),
    "litert": Format(
        lazy_module("zoo.export.litert"),
        {"float32": 1e-4, "float16": 0.02, "int8": 0.5, "int8_dynamic": 0.5},
        {"bfloat16": "its kernels have no bfloat16"},
        ("ai_edge_litert", "ai_edge_quantizer"), "litert",
    ),
    "onnx": Format(
        lazy_module("zoo.export.onnx"),
        {"float32": 1e-4, "float16": 0.02, "int8": 0.5, "int8_dynamic": 0.5},
        {"bfloat16": "onnxruntime's kernels for CPUs have no bfloat16"},
        ("tf2onnx", "onnx", "onnxruntime"), "onnx",
    ),
    "openvino": Format(
        lazy_module("zoo.export.openvino"),
        {"float32": 1e-4, "float16": 0.02},
        {"bfloat16": "whoever compiles the model chooses it, INFERENCE_PRECISION_HINT=bf16",
         "int8": "its quantizer is a package of its own, nncf",
         "int8_dynamic": "its quantizer is a package of its own, nncf"},
        ("openvino",), "openvino",
    ),
    "keras": Format(
        lazy_module("zoo.export.keras_model"),
        {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02},
        {"int8": _NO_CONVOLUTION, "int8_dynamic": _NO_CONVOLUTION},
    ),
}


def find(name: str, precision: str = "float32", on_bad_image: str = "fail") -> Format:
    """The format of that name.

    Raises ValueError, in one line, for an unknown name, what it lacks, or packages that are not
    installed; loads none of them.
    """
    if name not in FORMATS:
        raise ValueError(f"--format: got {name!r}; expected one of {', '.join(FORMATS)}")
    form = FORMATS[name]
    if precision not in PRECISIONS:
        raise ValueError(
            f"--precision: got {precision!r}; expected one of {', '.join(form.bounds)}"
        )
    if precision in form.lacks:
        raise ValueError(
            f"--precision: got {precision!r} with --format={name}: {form.lacks[precision]}; "
            f"expected one of {', '.join(form.bounds)}"
        )
    if on_bad_image not in ON_BAD_IMAGE:
        raise ValueError(
            f"--on_bad_image: got {on_bad_image!r}; expected one of {', '.join(ON_BAD_IMAGE)}"
        )
    if on_bad_image != "fail" and name != "saved_model":
        raise ValueError(
            f"--on_bad_image: got {on_bad_image!r} with --format={name}, which reads no files of "
            "images; expected --format=saved_model"
        )
    missing = [package for package in form.packages if importlib.util.find_spec(package) is None]
    if missing:
        raise ValueError(
            f"--format: {name} needs {', '.join(missing)}; expected them installed: "
            f"pip install 'keras-reference-zoo[{form.extra}]'"
        )
    return form
