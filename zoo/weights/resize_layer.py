"""The resizing of `zoo.preprocess_input` as a layer of Keras, for functional models."""

from __future__ import annotations

import keras

from zoo.weights.tensor_resizing import resize_and_crop, with_checked_levels


@keras.saving.register_keras_serializable("zoo")
class ResizeAndCrop(keras.layers.Layer):
    """[B, H, W, C] in levels of 0..255 -> float32 [B, *size, C] of whole levels.

    size, resized: (height, width), as of `zoo.weights.resizing.resize_and_crop`.

    A file with this layer opens where `zoo.weights.resize_layer` is imported.
    """

    def __init__(
        self, size: tuple[int, int], resized: tuple[int, int], resizing: str, **options
    ):
        super().__init__(**{"dtype": "float32", "autocast": False, **options})
        self.supports_jit = False  # XLA has no ScaleAndTranslate
        self.size, self.resized, self.resizing = tuple(size), tuple(resized), resizing

    def call(self, images):
        if images.dtype.is_floating:
            images = with_checked_levels(images)
        return resize_and_crop(images, self.size, self.resized, self.resizing)

    def compute_output_shape(self, shape):
        return shape[0], *self.size, shape[-1]

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("size", "resized", "resizing")}
        return {**super().get_config(), **own}
