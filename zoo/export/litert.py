"""model.tflite: LiteRT (TensorFlow Lite), by Keras' exporter and the quantizer of ai-edge.

Signature serving_default: `images` float32 [B, S, S, C] in 0..255 -> `probabilities` float32 [B,
num_classes]. The images of int8 are float32 too; it is the network's own values that are int8, the
softmax aside: in 256 steps most probabilities of a thousand classes would be 0.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from zoo.export.chosen import Chosen
from zoo.export.network import INPUT, OUTPUT, pictures_to_probabilities, signature
from zoo.files import write_bytes
from zoo.lazy import lazy_module

interpreter = lazy_module("ai_edge_litert.interpreter")
ai_edge_quantizer = lazy_module("ai_edge_quantizer")
recipes = lazy_module("ai_edge_quantizer.recipe")
qtyping = lazy_module("ai_edge_quantizer.qtyping")
tf = lazy_module("tensorflow")

NAME = "model.tflite"
_NO_QUANTIZE = "no_quantize"  # of ai_edge_quantizer.algorithm_manager.AlgorithmName


def write(model: keras.Model, folder: Path, chosen: Chosen) -> None:
    """The precisions: float32; float16, whose weights are 16-bit; int8, whose weights and values
    are 8-bit, with ranges from the representative images; int8_dynamic, whose weights are 8-bit and
    whose values are rounded image by image."""
    options = {}
    if chosen.precision == "float16":
        options = {"optimizations": [tf.lite.Optimize.DEFAULT],
                   "target_spec": {"supported_types": [tf.float16]}}
    path = folder / NAME
    pictures_to_probabilities(model).export(
        path, format="litert", verbose=False, input_signature=signature(model), **options
    )
    if chosen.precision.startswith("int8"):
        write_bytes(path, _quantized(path.read_bytes(), chosen.precision, chosen.representative))


def opened(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Images float32 [B, S, S, C] in 0..255 -> probabilities, by the LiteRT interpreter."""
    run = interpreter.Interpreter(str(folder / NAME)).get_signature_runner()
    return lambda images: run(**{INPUT: images})[OUTPUT]


def usage(folder: Path) -> str:
    return f"""\
import numpy as np
from ai_edge_litert.interpreter import Interpreter
run = Interpreter({str(folder / NAME)!r}).get_signature_runner()
shape = run.get_input_details()["images"]["shape_signature"]
images = np.zeros([1, *shape[1:]], "float32")  # levels of 0..255
print(run(images=images)["probabilities"].argmax(axis=1))"""


def _quantized(
    content: bytes, precision: str, representative: np.ndarray | None
) -> bytes:
    static = precision == "int8"
    recipe = recipes.static_wi8_ai8() if static else recipes.dynamic_wi8_afp32()
    quantizer = ai_edge_quantizer.Quantizer(bytearray(content), recipe)
    ranges = None
    if static:
        kept = qtyping.TFLOperationName
        for operation in (kept.INPUT, kept.OUTPUT, kept.SOFTMAX):
            quantizer.update_quantization_recipe(
                regex=".*", operation_name=operation, algorithm_key=_NO_QUANTIZE
            )
        images = [{INPUT: image[None].astype("float32")} for image in representative]
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings(action="ignore"):
            ranges = quantizer.calibrate({"serving_default": images}, num_threads=1)
    with contextlib.redirect_stdout(io.StringIO()):  # it tells sizes and times
        return bytes(quantizer.quantize(ranges).quantized_model)
