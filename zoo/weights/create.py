"""Models with trained weights: from the catalogue, from files, from tensors in memory."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zoo.models
from zoo.lazy import lazy_module
from zoo.weights import catalogue, convert, local, names, preprocessing, stored
from zoo.weights.class_names import IMAGENET
from zoo.weights.preprocessing import Preprocessing

np = lazy_module("numpy")
keras = lazy_module("keras")

# What `zoo.models.create_model` takes beside the options of the builder.
_CREATE_OPTIONS = {"input_shape", "include_top", "pooling", "classifier_activation"}
# Names of the catalogue's defaults: the data that a model's weights were trained on.
DATASETS = ("imagenet", "mnist")
_CLASS_NAMES = {"imagenet": tuple(name for _, name in IMAGENET), "mnist": tuple("0123456789")}


def create_model(
    name: str, *, weights: str | None = None, num_classes: int | None = None, **options: Any
) -> keras.Model:
    """Builds the functional model `name`, with new or with trained weights.

    Takes normalised float images [B, height, width, channels], returns float32 logits
    [B, num_classes]; `zoo.models.create_model` describes this and all options. With trained
    weights the model has the attributes `preprocessing` (`zoo.preprocess_input` reads it) and
    `class_names` (None where they are not known), and images of another number of channels than
    theirs get the first layer's kernels adapted.

    Args:
      name: one of `zoo.list_models()`.
      weights: None; "imagenet" or "mnist", the default for this model; an entry of the catalogue,
        as "timm:resnet50d.ra2_in1k"; or the path of a file (.safetensors, .pth, MXNet .params,
        .weights.h5, .h5, .keras) or of a run's folder.
      num_classes: >= 1; by default those of the weights. Another number than the weights have
        leaves the last layer with new ones.
      **options: as of `zoo.models.create_model`.

    Raises:
      ValueError: an unknown name, option or entry; weights of another model; a broken file.
      OSError: a download that failed.
    """
    if weights is None:
        return zoo.models.create_model(name, num_classes=num_classes, **options)
    zoo.models.check_model(name, set(options) - _CREATE_OPTIONS)
    origin = _resolve(weights, name)
    if isinstance(origin, Path):
        values = local.read_values(origin, name, **options)
        images = local.read_preprocessing(origin)
        class_names = local.read_class_names(origin)
    else:
        values, images = stored.read_values(origin, name), origin.preprocessing
        class_names = _CLASS_NAMES[origin.dataset]
    has_top = options.get("include_top", True)
    stored_classes = values["head_dense/bias"].shape[0]
    if has_top and num_classes is None:
        num_classes = stored_classes
    model = zoo.models.create_model(name, num_classes=num_classes, **options)
    same_classes = has_top and num_classes == stored_classes
    convert.assign(model, values, new_classifier=not same_classes)
    model.class_names = class_names if same_classes else None
    model.preprocessing = images and _at_size(images, model.input_shape[1:])
    return model


def load_pretrained(
    name: str, tensors: Mapping[str, np.ndarray] | None = None, **options: Any
) -> keras.Model:
    """The zoo's model that is the function of a public one, with its weights.

    Args:
      name: "LIBRARY:MODEL" as that library calls it ("timm:resnet50d", "gluoncv:resnet50_v1d"),
        with a tag of the catalogue or without ("timm:resnet50d.ra2_in1k").
      tensors: name -> array, both as that library has them; None: the catalogue's checkpoint.
      **options: as of `zoo.create_model`.

    Raises:
      ValueError: an unknown name; a tensor that is missing, left over or of another shape.
      OSError: a download that failed.
    """
    library, _, model_there = name.partition(":")
    if tensors is None:
        entry = catalogue.find(name)
        return create_model(models_of(entry)[0], weights=entry.name, **options)
    model_name, source = names.find(library, model_there)
    model = zoo.models.create_model(model_name, **options)
    values = convert.convert(model, tensors, source)
    convert.assign(model, values)
    return model


def preprocess_input(
    images: np.ndarray | Sequence[np.ndarray],
    model_or_weights: keras.Model | str,
    *,
    resize: bool = True,
) -> np.ndarray:
    """Pictures in levels of 0..255 -> the float32 images [B, S, S, C] that a network expects.

    images, resize: as of `zoo.weights.preprocessing.preprocess_input`.
    model_or_weights: what `zoo.create_model` returned, or the `weights` it was given.

    Raises:
      ValueError: nothing is known of the images that the weights were trained with, or `images`
        are not pictures.
    """
    return preprocessing.preprocess_input(
        images, _known_preprocessing(model_or_weights), resize=resize
    )


def with_preprocessing(model: keras.Model) -> keras.Model:
    """`model` behind a layer that normalises its images: pictures in levels of 0..255 go in.

    What is saved of it cannot be fed wrongly normalised images. Resizing and cropping are left to
    the app: the pictures are [B, S, S, C] of the model's own size.

    Raises:
      ValueError: nothing is known of the images that the model was trained with.
    """
    images = _known_preprocessing(model)
    pictures = keras.Input(model.input_shape[1:], name="pictures")
    normalise = keras.layers.Rescaling(
        scale=[1 / std for std in images.std],
        offset=[-mean / std for mean, std in zip(images.mean, images.std, strict=True)],
        dtype="float32",
        name="normalise",
    )
    return keras.Model(pictures, model(normalise(pictures)), name=model.name)


def preprocessing_of(weights: str, name: str | None = None) -> Preprocessing | None:
    """How images for these weights are made; None where a file does not tell.

    weights: as of `zoo.create_model`. name: the model, for "imagenet" and "mnist".

    Raises:
      ValueError: an unknown entry, or a dataset without a model's name.
    """
    origin = _resolve(weights, name)
    if isinstance(origin, Path):
        return local.read_preprocessing(origin)
    return origin.preprocessing


def model_of(weights: str) -> str:
    """The zoo's model that weights of the catalogue are of.

    Raises:
      ValueError: an unknown entry, or a file: that does not tell.
    """
    origin = _resolve(weights, None)
    if isinstance(origin, Path):
        raise ValueError(f"got weights={weights!r}, a file that does not tell its model; expected "
                         "the model beside it")
    return models_of(origin)[0]


def models_of(entry: catalogue.Entry) -> list[str]:
    """The zoo's models whose function the entry's weights belong to; nearly always one."""
    if entry.library == stored.OWN:
        return [entry.model_there]
    first, _ = names.find(entry.library, entry.model_there)
    return [
        name for name in zoo.models.list_models(f"{first}*")
        if (source := names.sources(name).get(entry.library)) and source.model == entry.model_there
    ]


def check_weights(weights: str, name: str) -> None:
    """Raises ValueError, in one line, unless `weights` names some of the model `name`; loads no
    TensorFlow, and opens no file."""
    _resolve(weights, name)


def _resolve(weights: str, name: str | None) -> catalogue.Entry | Path:
    if weights in DATASETS:
        if name is None:
            raise ValueError(
                f"got weights={weights!r} without a model; expected an entry of the catalogue, as "
                "'timm:resnet50d.ra2_in1k'"
            )
        return catalogue.default_for(name, weights)
    if re.match(r"[a-z_]+:", weights):
        entry = catalogue.find(weights)
        if name is not None and name not in models_of(entry):
            raise ValueError(
                f"got weights {entry.name!r} for {name!r}; they are of {models_of(entry)[0]!r}"
            )
        return entry
    path = Path(weights).expanduser()
    if not path.exists():
        raise ValueError(
            f"got weights={weights!r}; expected one of {list(DATASETS)}, an entry of the catalogue "
            "as 'timm:resnet50d.ra2_in1k', or a file or folder that exists"
        )
    return path


def _known_preprocessing(model_or_weights: keras.Model | str) -> Preprocessing:
    if isinstance(model_or_weights, str):
        found = preprocessing_of(model_or_weights)
    else:
        found = getattr(model_or_weights, "preprocessing", None)
    if found is None:
        raise ValueError(
            f"got {getattr(model_or_weights, 'name', model_or_weights)!r}, of whose training "
            "images nothing is known; expected a model of zoo.create_model with pretrained "
            "weights, or their name"
        )
    return found


def _at_size(images: Preprocessing, input_shape: tuple[int, ...]) -> Preprocessing | None:
    """For a model of another input size or number of channels than the weights' own; None where
    its images are no squares, grey or RGB."""
    height, width, channels = input_shape
    if height != width or channels not in (1, 3):
        return None
    mean, std = images.mean, images.std
    if channels == 1 and len(mean) == 3:  # convert adds the first layer's kernels up
        mean, std = (float(np.mean(mean)),), (float(np.mean(std)),)
    return dataclasses.replace(images, input_size=height, mean=mean, std=std)
