"""A model as formats without texts and files have it: pictures in, probabilities out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras

from zoo.export.fold import for_inference
from zoo.weights import with_preprocessing

if TYPE_CHECKING:
    import numpy as np

INPUT, OUTPUT = "images", "probabilities"


def pictures_to_probabilities(model: keras.Model, dtype: str = "float32") -> keras.Model:
    """`images` float32 [B, S, S, C] in 0..255 -> {"probabilities": float32 [B, num_classes]}.

    model: whose outputs are logits and whose preprocessing is known.
    dtype: of the network between the normalisation and the softmax, see `for_inference`.
    """
    network = with_preprocessing(for_inference(model, dtype=dtype))
    softmax = keras.layers.Softmax(dtype="float32", name=OUTPUT)
    return keras.Model(network.input, {OUTPUT: softmax(network.output)}, name=model.name)


def signature(model: keras.Model) -> list[keras.InputSpec]:
    """The input that exporters of Keras write: `images`, with a free batch size."""
    return [keras.InputSpec(shape=(None, *model.input_shape[1:]), dtype="float32", name=INPUT)]


def expected(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Probabilities float32 [N, num_classes] by the model itself, of images [N, S, S, C] in
    0..255: what a written file is compared with."""
    known = model.preprocessing
    mean, deviation = (keras.ops.convert_to_tensor(x, "float32") for x in (known.mean, known.std))
    batches = []
    for start in range(0, len(images), 32):
        levels = keras.ops.cast(images[start : start + 32], "float32")
        logits = model((levels - mean) / deviation, training=False)
        if isinstance(logits, dict):  # with auxiliary classifiers
            logits = logits["logits"]
        batches.append(keras.ops.convert_to_numpy(keras.ops.softmax(logits)))
    return keras.ops.convert_to_numpy(keras.ops.concatenate(batches))
