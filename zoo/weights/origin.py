"""What the text of weights=... names, without building a model or loading Keras."""

from __future__ import annotations

import os
import re
from pathlib import Path

import zoo.models
from zoo.given_path import as_path
from zoo.lazy import lazy_module
from zoo.weights import catalogue, hub, local, names, stored
from zoo.weights.card import Card
from zoo.weights.preprocessing import Preprocessing

readers = lazy_module("zoo.weights.readers")

# Names of the catalogue's defaults: the data that a model's weights were trained on.
DATASETS = ("imagenet", "mnist")


def resolve(
    weights: str | bytes | os.PathLike, name: str | None
) -> catalogue.Entry | Path:
    """What `weights` names: an entry of the catalogue, or a file or a run's folder that exists.

    weights: as of `zoo.create_model`; a text that is a name of the catalogue is no path. Behind a
        file's name #KEY may stand, see `zoo.weights.readers.split_key`.
    name: the model that they are for, where it is known.

    Raises:
      ValueError: an unknown name, or weights of another model.
      OSError: a repository of the Hub, "hf:OWNER/REPO", that cannot be had.
    """
    if not weights:
        raise ValueError(
            f"got weights={weights!r}; expected None for new ones, one of {list(DATASETS)}, an "
            "entry of the catalogue, or a file or folder that exists"
        )
    if weights in DATASETS:
        if name is None:
            raise ValueError(
                f"got weights={weights!r} without a model; expected an entry of the catalogue, as "
                "'timm:resnet50d.ra2_in1k'"
            )
        return catalogue.default_for(name, weights)
    if isinstance(weights, str) and weights.startswith(hub.PREFIX):
        return hub.fetch(weights)
    if isinstance(weights, str) and re.match(r"[a-z_]+:", weights):
        entry = catalogue.find(weights)
        if name is not None and name not in models_of(entry):
            raise ValueError(
                f"got weights {entry.name!r} for {name!r}; they are of {models_of(entry)[0]!r}"
            )
        return entry
    path = as_path(weights)
    if not readers.split_key(path)[0].exists():
        raise ValueError(
            f"got weights={weights!r}; expected one of {list(DATASETS)}, an entry of the catalogue "
            "as 'timm:resnet50d.ra2_in1k', or a file or folder that exists"
        )
    return path


def checked_card(path: Path, name: str | None) -> Card | None:
    """What a file says of its model; None where it says nothing, and `name` is the model.

    Raises:
      ValueError: it is another model than `name`, or none is known.
    """
    card = local.read_card(path)
    if card is None and name is None:
        raise ValueError(f"got weights={str(path)!r}, a file that does not tell its model; "
                         "expected the model beside it")
    if card is not None and name not in (None, card.model):
        raise ValueError(f"got weights={str(path)!r} for {name!r}; they are of {card.model!r}")
    return card


def preprocessing_of(weights: str, name: str | None = None) -> Preprocessing | None:
    """How images for these weights are made; None where a file does not tell, or its model's are
    no squares.

    weights: as of `zoo.create_model`. name: the model, for "imagenet" and "mnist".

    Raises:
      ValueError: an unknown entry, or a dataset without a model's name.
    """
    origin = resolve(weights, name)
    if isinstance(origin, catalogue.Entry):
        return origin.preprocessing
    card = local.read_card(origin)
    known = card and card.preprocessing
    return known and known.for_input(card.input_shape)


def model_of(weights: str) -> str:
    """The zoo's model that weights are of.

    Raises:
      ValueError: an unknown entry, or a file that does not tell.
    """
    origin = resolve(weights, None)
    if isinstance(origin, catalogue.Entry):
        return models_of(origin)[0]
    return checked_card(origin, None).model


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
    TensorFlow, and of a file no more than its card."""
    origin = resolve(weights, name)
    if isinstance(origin, Path):
        checked_card(origin, name)
