"""Images of random numbers, and what a network makes of them."""

from __future__ import annotations

import keras
import numpy as np


def images_like(shape: tuple[int, ...], count: int = 2) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((count, *shape)).astype("float32")


def answer(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Inference without a compiled function: quicker for one batch."""
    return keras.ops.convert_to_numpy(model(images, training=False))


def outputs(model: keras.Model, names: list[str], images: np.ndarray) -> list[np.ndarray]:
    """Of the layers of these names."""
    layers = keras.Model(model.input, [model.get_layer(name).output for name in names])
    return [keras.ops.convert_to_numpy(x) for x in layers(images, training=False)]
