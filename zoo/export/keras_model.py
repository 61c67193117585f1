"""model.keras: a Keras model that needs nothing of this package, on each of Keras' backends.

`images` float32 [B, S, S, C] in 0..255 -> {"probabilities": float32 [B, num_classes]}.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from zoo.export.chosen import Chosen
from zoo.export.keras_file import save_keras
from zoo.export.network import OUTPUT, pictures_to_probabilities

NAME = "model.keras"


def write(model: keras.Model, folder: Path, chosen: Chosen) -> None:
    """The precision is the dtype of the layers and their weights."""
    save_keras(pictures_to_probabilities(model, chosen.precision), folder / NAME)


def opened(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Images float32 [B, S, S, C] in 0..255 -> probabilities, by Keras."""
    model = keras.models.load_model(folder / NAME)
    return lambda images: keras.ops.convert_to_numpy(model(images, training=False)[OUTPUT])


def usage(folder: Path) -> str:
    return f"""\
import keras
import numpy as np
model = keras.models.load_model({str(folder / NAME)!r})
images = np.zeros([1, *model.input_shape[1:]], "float32")  # levels of 0..255
print(model.predict(images)["probabilities"].argmax(axis=1))"""
