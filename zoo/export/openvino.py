"""model.xml and model.bin: OpenVINO, by Keras' exporter.

`images` float32 [B, S, S, C] in 0..255 -> `probabilities` float32 [B, num_classes].
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from zoo.export.chosen import Chosen
from zoo.export.network import INPUT, OUTPUT, pictures_to_probabilities, signature
from zoo.lazy import lazy_module

openvino = lazy_module("openvino")

NAME = "model.xml"


def write(model: keras.Model, folder: Path, chosen: Chosen) -> None:
    """The precisions: float32; float16, of 16-bit weights, widened where they are used."""
    path = folder / NAME
    whole = path.with_name("float.xml") if chosen.precision == "float16" else path
    pictures_to_probabilities(model).export(
        str(whole), format="openvino", verbose=False, input_signature=signature(model)
    )
    if chosen.precision == "float16":
        openvino.save_model(openvino.Core().read_model(whole), path, compress_to_fp16=True)
        whole.unlink()
        whole.with_suffix(".bin").unlink()


def opened(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Images float32 [B, S, S, C] in 0..255 -> probabilities, by OpenVINO on the CPU."""
    # On CPUs with bfloat16 units its default is to compute in bfloat16.
    compiled = openvino.Core().compile_model(
        folder / NAME, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return lambda images: compiled({INPUT: images})[OUTPUT]


def usage(folder: Path) -> str:
    return f"""\
import numpy as np
import openvino
model = openvino.Core().compile_model({str(folder / NAME)!r}, "CPU")
shape = [side.get_length() for side in list(model.input().partial_shape)[1:]]
images = np.zeros([1, *shape], "float32")  # levels of 0..255
print(model({{"images": images}})["probabilities"].argmax(axis=1))"""
