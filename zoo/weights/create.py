"""Models with trained weights: from the catalogue, from files, from tensors in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import zoo.models
from zoo.address import require_trust
from zoo.given_path import as_path
from zoo.lazy import lazy_module
from zoo.models import checks
from zoo.models.options import FamilyOptions
from zoo.weights import artefact, catalogue, local, names, stored
from zoo.weights.building import CREATE_OPTIONS, card_of, classes_of, described, with_values
from zoo.weights.card import Card
from zoo.weights.class_names import IMAGENET
from zoo.weights.origin import checked_card, models_of, resolve

if TYPE_CHECKING:
    import keras
    import numpy as np
else:
    keras = lazy_module("keras")
    np = lazy_module("numpy")

# What a card says of the values, beside how the model is built.
_KNOWN = ("class_names", "preprocessing", "licence", "recipe", "accuracies", "command", "versions",
          "git_commit")
_CLASS_NAMES = {"imagenet": tuple(name for _, name in IMAGENET), "mnist": tuple("0123456789")}


@checks.takes_numpy_numbers
def create_model(
    name: str | None = None,
    *,
    weights: str | Path | None = None,
    num_classes: int | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    include_top: bool | None = None,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    dropout: float | None = None,
    kernel_initializer: str | None = None,
    bn_momentum: float | None = None,
    bn_epsilon: float | None = None,
    trust: Sequence[str] = (),
    **options: Unpack[FamilyOptions],
) -> keras.Model:
    """Builds the functional model `name`, with new or with trained weights.

    Takes normalised float images [B, height, width, channels], returns float32 logits
    [B, num_classes]. What is None is as the weights say, or else as `zoo.models.create_model`
    describes it. The model has the attributes `card` (`zoo.save_pretrained` writes it),
    `preprocessing` (`zoo.preprocess_input` reads it) and `class_names`; the last two are None where
    they are not known, the preprocessing also where images of this model are no squares:
    `zoo.preprocess_input` and `zoo.with_preprocessing` prepare them all the same. Images of another
    number of channels than the weights' get the first layer's kernels adapted.

    Args:
      name: one of `zoo.list_models()`, or package.module:Name; None: that of the weights.
      weights: None; "imagenet" or "mnist", the default for this model; an entry of the catalogue,
        as "timm:resnet50d.ra2_in1k"; "hf:OWNER/REPO" or "hf:OWNER/REPO@REVISION", a repository of
        this zoo or of timm on the Hugging Face Hub; or the path of a file (.safetensors, .pth,
        MXNet .params, .weights.h5, .h5, .keras) or of a run's folder. What a file of this zoo, a
        run or timm's config.json says of its model holds unless an argument here says otherwise.
      num_classes: >= 1; by default those of the weights. Another number than the weights have
        leaves the last layer with new ones.
      input_shape: (height, width, channels) of the images; by default those that the weights
        were evaluated on, as resnet152d's of 256x256. (None, None, 3) for images of any size.
      include_top: whether the model ends in its classifier.
      pooling: with `include_top=False`, "avg" or "max" over height and width.
      classifier_activation: as "softmax"; without one the outputs are logits.
      dropout: share of the values before the classifier that are dropped, where the family has it.
      kernel_initializer: of new weights, "xavier", "msra", "lecun" or "truncated_normal".
      bn_momentum, bn_epsilon: of all batch normalisations.
      trust: packages from outside of the zoo whose code the weights' file may name.
      **options: what this model takes besides, see zoo/models/options.py.

    Raises:
      ValueError: an unknown name, option or entry; weights of another model; a broken file.
      OSError: a download that failed.
    """
    common = {
        "input_shape": input_shape, "include_top": include_top, "pooling": pooling,
        "classifier_activation": classifier_activation, "dropout": dropout,
        "kernel_initializer": kernel_initializer, "bn_momentum": bn_momentum,
        "bn_epsilon": bn_epsilon,
    }
    options = {**_without_none(common), **options}
    if weights is None:
        if name is None:
            raise ValueError("got neither a name nor weights; expected one of zoo.list_models()")
        model = zoo.models.create_model(name, num_classes=num_classes, **options)
        return described(model, card_of(model, name, options))
    if name is not None:
        zoo.models.check_model(name, set(options) - CREATE_OPTIONS)
    origin = resolve(weights, name)
    if isinstance(origin, catalogue.Entry):
        name = name or models_of(origin)[0]
        values = stored.read_values(origin, name)
        stored_classes = classes_of(name, values)
        known = {"class_names": _CLASS_NAMES[origin.dataset], "licence": origin.licence,
                 "preprocessing": origin.preprocessing, "accuracies": origin.accuracies}
        options.setdefault("input_shape", origin.preprocessing.input_shape)
    else:
        card, known = checked_card(origin, name), {}
        if card is not None:
            if name is None:
                require_trust(card.addresses, trust, str(origin))
            name, options = card.model, _options_of(card, options)
            known = {field: getattr(card, field) for field in _KNOWN}
        values = local.read_values(origin, name, **options)
        stored_classes = card.num_classes if card else classes_of(name, values)
    return with_values(name, values, known, stored_classes, num_classes, options)


def load_model(path: str | Path, *, trust: Sequence[str] = ()) -> keras.Model:
    """The trained model in a file that `zoo.save_pretrained` or a run wrote; or in a run's folder.

    The file says all that is needed. Weights of other libraries take `zoo.create_model` with a
    name.

    Raises:
      ValueError: a file that does not tell its model, or is broken, or names code of a package
        that is not in `trust`.
    """
    return create_model(weights=path, trust=trust)


def load_evaluation(run_dir: str | Path, keep: str, *, trust: Sequence[str] = ()) -> keras.Model:
    """The model of a run as it was at its best evaluation, or at the last, whichever of the two
    the run leaves.

    keep: "best" or "last".

    Raises:
      ValueError: as `load_model`, or the run has no such checkpoint.
    """
    path = as_path(run_dir)
    values = local.values_of_evaluation(path, keep)
    card = checked_card(path, None)
    require_trust(card.addresses, trust, str(path))
    return model_from(dataclasses.replace(card, accuracies={}), values)


def model_from(card: Card, values: Mapping[str, np.ndarray]) -> keras.Model:
    """The model that `card` describes, with these values: variable path -> array.

    Raises:
      ValueError: values that are not this model's.
    """
    options = _without_none(card.build_options())
    num_classes = options.pop("num_classes", None)
    known = {field: getattr(card, field) for field in _KNOWN}
    return with_values(card.model, values, known, num_classes, num_classes, options)


def save_pretrained(model: keras.Model, path: str | Path, *, licence: str | None = None) -> None:
    """Writes `model` as one file, which `zoo.load_model` reads; all of it or nothing.

    model: of `zoo.create_model`, `zoo.load_model` or `zoo.transfer`, trained or not. Its attributes
        `class_names` and `preprocessing` are written as they are now.
    path: ends in .safetensors.
    licence: of the values; None: that of the weights that the model began with.

    Raises:
      ValueError: a model that the zoo cannot build again, or another path.
    """
    path = as_path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"got path={str(path)!r}; expected a name that ends in .safetensors")
    card = getattr(model, "card", None)
    if card is None:
        raise ValueError(
            f"got {model.name!r}, which is not as zoo.create_model builds it; expected a model of "
            "zoo.create_model, zoo.load_model or zoo.transfer"
        )
    class_names = getattr(model, "class_names", None)
    card = dataclasses.replace(
        card, class_names=class_names and tuple(class_names),
        preprocessing=getattr(model, "preprocessing", None)
        or getattr(model, "weights_preprocessing", None),
        licence=card.licence if licence is None else licence,
    )
    values = local.values_of(model)
    model_from(card, values)  # raises where the file would not be enough
    artefact.write(path, values, card)


def load_pretrained(
    name: str, tensors: Mapping[str, np.ndarray] | None = None, **options: Any
) -> keras.Model:
    """The zoo's model that is the function of a public one, with its weights.

    Args:
      name: "LIBRARY:MODEL" as that library calls it ("timm:resnet50d", "gluoncv:resnet50_v1d"),
        with a tag of the catalogue or without ("timm:resnet50d.ra2_in1k").
      tensors: name -> array, both as that library has them; None: the catalogue's checkpoint.
      **options: as of `zoo.create_model`. Another num_classes than the tensors have leaves the
        last layer with new weights.

    Raises:
      ValueError: an unknown name; a tensor that is missing, left over or of another shape.
      OSError: a download that failed.
    """
    library, _, model_there = name.partition(":")
    if tensors is None:
        entry = catalogue.find(name)
        return create_model(models_of(entry)[0], weights=entry.name, **options)
    model_name, source = names.find(library, model_there)
    zoo.models.check_model(model_name, set(options) - {*CREATE_OPTIONS, "num_classes"})
    values = stored.converted_values(model_name, tensors, source)
    options = checks.plain(options)
    num_classes = options.pop("num_classes", None)
    stored_classes = classes_of(model_name, values)
    return with_values(model_name, values, {}, stored_classes, num_classes, options)


def _options_of(card: Card, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the model is built with: `options`, and for the rest what the card says."""
    own = _without_none(card.build_options())
    own.pop("num_classes", None)
    if options.get("include_top", card.include_top) != card.include_top:
        for name in ("pooling", "classifier_activation"):
            own.pop(name, None)
    return {**own, **options}


def _without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
