"""model.onnx, by Keras' exporter (tf2onnx) and the quantizer of onnxruntime.

`images` float32 [B, S, S, C] in 0..255 -> `probabilities` float32 [B, num_classes].
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from zoo.export.chosen import Chosen
from zoo.export.network import INPUT, OUTPUT, pictures_to_probabilities, signature
from zoo.lazy import lazy_module

onnxruntime = lazy_module("onnxruntime")
quantization = lazy_module("onnxruntime.quantization")

NAME = "model.onnx"


def write(model: keras.Model, folder: Path, chosen: Chosen) -> None:
    """The precisions: as of `zoo.export.litert.write`; float16 computes in 16 bits, too."""
    path = folder / NAME
    dtype = "float16" if chosen.precision == "float16" else "float32"
    network = pictures_to_probabilities(model, dtype)
    with warnings.catch_warnings(action="ignore"):  # Keras asks numpy for np.object
        network.export(path, format="onnx", verbose=False, input_signature=signature(model))
    if chosen.precision.startswith("int8"):
        _quantize(path, chosen.precision, chosen.representative)


def opened(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Images float32 [B, S, S, C] in 0..255 -> probabilities, by onnxruntime on the CPU."""
    session = onnxruntime.InferenceSession(folder / NAME, providers=["CPUExecutionProvider"])
    return lambda images: session.run([OUTPUT], {INPUT: images})[0]


def usage(folder: Path) -> str:
    return f"""\
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession({str(folder / NAME)!r})
images = np.zeros([1, *session.get_inputs()[0].shape[1:]], "float32")  # levels of 0..255
print(session.run(["probabilities"], {{"images": images}})[0].argmax(axis=1))"""


def _quantize(path: Path, precision: str, representative: np.ndarray | None) -> None:
    float_path, prepared = path.with_name("float.onnx"), path.with_name("prepared.onnx")
    path.rename(float_path)
    quantization.quant_pre_process(float_path, prepared, skip_symbolic_shape=True)
    if precision == "int8":
        quantization.quantize_static(
            prepared, path, _Images(representative), per_channel=True,
            op_types_to_quantize=["Conv", "MatMul", "Gemm", "Add", "Relu", "Clip", "Mul",
                                  "GlobalAveragePool", "MaxPool", "Concat"],
        )
    else:
        quantization.quantize_dynamic(prepared, path, weight_type=quantization.QuantType.QUInt8)
    float_path.unlink()
    prepared.unlink()


class _Images:
    """What onnxruntime calls a CalibrationDataReader: an image at each call, then None."""

    def __init__(self, images: np.ndarray):
        self._images: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self._images, None)
        return None if image is None else {INPUT: image[None].astype("float32")}
