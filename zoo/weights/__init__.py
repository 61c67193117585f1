"""Pretrained weights in the zoo's models, with the preprocessing that they were trained with."""

from zoo.weights.class_names import decode_predictions
from zoo.weights.create import (
    create_model,
    load_evaluation,
    load_model,
    load_pretrained,
    model_from,
    save_pretrained,
)
from zoo.weights.inputs import preprocess_input, with_preprocessing
from zoo.weights.origin import model_of, preprocessing_of
from zoo.weights.push import push_to_hub

__all__ = [
    "create_model",
    "decode_predictions",
    "load_evaluation",
    "load_model",
    "load_pretrained",
    "model_from",
    "model_of",
    "preprocess_input",
    "preprocessing_of",
    "push_to_hub",
    "save_pretrained",
    "with_preprocessing",
]
