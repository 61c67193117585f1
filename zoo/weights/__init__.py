"""Pretrained weights in the zoo's models, with the preprocessing that they were trained with."""

from zoo.weights.class_names import decode_predictions
from zoo.weights.create import (
    create_model,
    load_pretrained,
    model_of,
    preprocess_input,
    preprocessing_of,
    with_preprocessing,
)

__all__ = [
    "create_model",
    "decode_predictions",
    "load_pretrained",
    "model_of",
    "preprocess_input",
    "preprocessing_of",
    "with_preprocessing",
]
