"""Pictures for a model with trained weights: prepared outside of it, or by a layer in front."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.lazy import lazy_module
from zoo.weights import preprocessing
from zoo.weights.origin import preprocessing_of
from zoo.weights.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras
    import numpy as np
    import PIL.Image
else:
    keras = lazy_module("keras")
    np = lazy_module("numpy")


def preprocess_input(
    images: np.ndarray | PIL.Image.Image | bytes | Sequence | keras.KerasTensor,
    model_or_weights: keras.Model | str | bytes | os.PathLike,
    *,
    resize: bool = True,
) -> np.ndarray | keras.KerasTensor:
    """Pictures in levels of 0..255, or files' bytes -> the float32 [B, S, S, C] a network expects.

    images, resize: as of `zoo.weights.preprocessing.preprocess_input`.
    model_or_weights: what `zoo.create_model` returned, or the `weights` it was given. For a model
        whose images are no squares, pictures become as large in proportion as for the weights', in
        [B, height, width, C] of its own.

    Raises:
      ValueError: nothing is known of the images that the weights were trained with, or `images`
        are not pictures.
    """
    found = _known_preprocessing(model_or_weights)
    shape = getattr(model_or_weights, "input_shape", (None, None, None, len(found.mean)))[1:]
    mean, std = found.levels_of(shape[2])
    found = dataclasses.replace(found, mean=mean, std=std)
    no_square = getattr(model_or_weights, "preprocessing", found) is None
    size = shape[:2] if no_square else None
    return preprocessing.preprocess_input(images, found, resize=resize, size=size)


def with_preprocessing(model: keras.Model) -> keras.Model:
    """`model` behind a layer that normalises its images: pictures in levels of 0..255 go in.

    What is saved of it cannot be fed wrongly normalised images. Resizing and cropping are left to
    the app: the pictures are [B, S, S, C] of the model's own size.

    Raises:
      ValueError: nothing is known of the images that the model was trained with.
    """
    mean, std = _known_preprocessing(model).levels_of(model.input_shape[3])
    pictures = keras.Input(model.input_shape[1:], name="pictures")
    normalise = keras.layers.Rescaling(
        # [1, 1, C]: of one dimension Keras takes it for channels in front where its global setting
        # is channels_first, whatever the images of this model are.
        scale=[[[1 / deviation for deviation in std]]],
        offset=[-level / deviation for level, deviation in zip(mean, std, strict=True)],
        dtype="float32",
        name="normalise",
    )
    return keras.Model(pictures, model(normalise(pictures)), name=model.name)


def _known_preprocessing(
    model_or_weights: keras.Model | str | bytes | os.PathLike,
) -> Preprocessing:
    if isinstance(model_or_weights, (str, bytes, os.PathLike)):
        found = preprocessing_of(model_or_weights)
    else:
        found = getattr(model_or_weights, "preprocessing", None)
        if found is None:
            found = getattr(model_or_weights, "weights_preprocessing", None)
    if found is None:
        raise ValueError(
            f"got {getattr(model_or_weights, 'name', model_or_weights)!r}, of whose training "
            "images nothing is known; expected a model of zoo.create_model with pretrained "
            "weights, or their name"
        )
    return found
