"""Models with trained weights: from the catalogue, from files, from tensors in memory."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zoo.models
from zoo.address import require_trust
from zoo.lazy import lazy_module
from zoo.weights import artefact, catalogue, convert, local, names, preprocessing, stored
from zoo.weights.card import Card
from zoo.weights.class_names import IMAGENET
from zoo.weights.preprocessing import Preprocessing

np = lazy_module("numpy")
keras = lazy_module("keras")

# What `zoo.models.create_model` takes beside the options of the builder.
_CREATE_OPTIONS = {"input_shape", "include_top", "pooling", "classifier_activation"}
# Names of the catalogue's defaults: the data that a model's weights were trained on.
DATASETS = ("imagenet", "mnist")
# What a card says of the values, beside how the model is built.
_KNOWN = ("class_names", "preprocessing", "licence", "recipe", "accuracies", "command", "versions",
          "git_commit")
_CLASS_NAMES = {"imagenet": tuple(name for _, name in IMAGENET), "mnist": tuple("0123456789")}


def create_model(
    name: str | None = None,
    *,
    weights: str | Path | None = None,
    num_classes: int | None = None,
    trust: Sequence[str] = (),
    **options: Any,
) -> keras.Model:
    """Builds the functional model `name`, with new or with trained weights.

    Takes normalised float images [B, height, width, channels], returns float32 logits
    [B, num_classes]; `zoo.models.create_model` describes this and all options. The model has the
    attributes `card` (`zoo.save_pretrained` writes it), `preprocessing` (`zoo.preprocess_input`
    reads it) and `class_names`; the last two are None where they are not known. Images of another
    number of channels than the weights' get the first layer's kernels adapted.

    Args:
      name: one of `zoo.list_models()`, or package.module:Name; None: that of the weights.
      weights: None; "imagenet" or "mnist", the default for this model; an entry of the catalogue,
        as "timm:resnet50d.ra2_in1k"; or the path of a file (.safetensors, .pth, MXNet .params,
        .weights.h5, .h5, .keras) or of a run's folder. What a file of this zoo or a run says of
        its model holds unless an argument here says otherwise.
      num_classes: >= 1; by default those of the weights. Another number than the weights have
        leaves the last layer with new ones.
      trust: packages from outside of the zoo whose code the weights' file may name.
      **options: as of `zoo.models.create_model`.

    Raises:
      ValueError: an unknown name, option or entry; weights of another model; a broken file.
      OSError: a download that failed.
    """
    if weights is None:
        if name is None:
            raise ValueError("got neither a name nor weights; expected one of zoo.list_models()")
        model = zoo.models.create_model(name, num_classes=num_classes, **options)
        return _described(model, _card_of(model, name, options))
    if name is not None:
        zoo.models.check_model(name, set(options) - _CREATE_OPTIONS)
    origin = _resolve(str(weights), name)
    if isinstance(origin, catalogue.Entry):
        name = name or models_of(origin)[0]
        values = stored.read_values(origin, name)
        known = {"class_names": _CLASS_NAMES[origin.dataset], "licence": origin.licence,
                 "preprocessing": origin.preprocessing}
    else:
        card, known = _checked_card(origin, name), {}
        if card is not None:
            if name is None:
                require_trust(card.addresses, trust, str(origin))
            name, options = card.model, _options_of(card, options)
            known = {field: getattr(card, field) for field in _KNOWN}
        values = local.read_values(origin, name, **options)
    return _with_values(name, values, known, num_classes, options)


def load_model(path: str | Path, *, trust: Sequence[str] = ()) -> keras.Model:
    """The trained model in a file that `zoo.save_pretrained` or a run wrote; or in a run's folder.

    The file says all that is needed. Weights of other libraries take `zoo.create_model` with a
    name.

    Raises:
      ValueError: a file that does not tell its model, or is broken, or names code of a package
        that is not in `trust`.
    """
    return create_model(weights=path, trust=trust)


def model_from(card: Card, values: Mapping[str, np.ndarray]) -> keras.Model:
    """The model that `card` describes, with these values: variable path -> array.

    Raises:
      ValueError: values that are not this model's.
    """
    options = _without_none(card.build_options())
    num_classes = options.pop("num_classes", None)
    known = {field: getattr(card, field) for field in _KNOWN}
    return _with_values(card.model, values, known, num_classes, options)


def save_pretrained(model: keras.Model, path: str | Path, *, licence: str | None = None) -> None:
    """Writes `model` as one file, which `zoo.load_model` reads; all of it or nothing.

    model: of `zoo.create_model`, `zoo.load_model` or `zoo.transfer`, trained or not. Its attributes
        `class_names` and `preprocessing` are written as they are now.
    path: ends in .safetensors.
    licence: of the values; None: that of the weights that the model began with.

    Raises:
      ValueError: a model that the zoo cannot build again, or another path.
    """
    if Path(path).suffix != ".safetensors":
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
        preprocessing=getattr(model, "preprocessing", None),
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
    values = convert.convert(model, tensors, source, keras_layout=library == "keras")
    convert.assign(model, values)
    return _described(model, _card_of(model, model_name, options))


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
    if isinstance(origin, catalogue.Entry):
        return origin.preprocessing
    card = local.read_card(origin)
    return card and card.preprocessing


def model_of(weights: str) -> str:
    """The zoo's model that weights are of.

    Raises:
      ValueError: an unknown entry, or a file that does not tell.
    """
    origin = _resolve(weights, None)
    if isinstance(origin, catalogue.Entry):
        return models_of(origin)[0]
    return _checked_card(origin, None).model


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
    origin = _resolve(weights, name)
    if isinstance(origin, Path):
        _checked_card(origin, name)


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


def _checked_card(path: Path, name: str | None) -> Card | None:
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


def _options_of(card: Card, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the model is built with: `options`, and for the rest what the card says."""
    own = _without_none(card.build_options())
    own.pop("num_classes", None)
    if options.get("include_top", card.include_top) != card.include_top:
        for name in ("pooling", "classifier_activation"):
            own.pop(name, None)
    return {**own, **options}


def _with_values(
    name: str, values: Mapping[str, np.ndarray], known: dict[str, Any], num_classes: int | None,
    options: dict[str, Any],
) -> keras.Model:
    """Builds the model, gives it the values, and says on its card what is known of them."""
    has_top = options.get("include_top", True)
    stored_classes = _classes_of(values)
    if has_top and num_classes is None:
        num_classes = stored_classes
    model = zoo.models.create_model(name, num_classes=num_classes, **options)
    same_classes = has_top and num_classes == stored_classes
    convert.assign(model, values, new_classifier=not same_classes)
    if not same_classes:
        known = {field: known[field] for field in ("preprocessing", "licence") if field in known}
    images = known.get("preprocessing")
    known = {**known, "preprocessing": images and images.for_input(model.input_shape[1:])}
    return _described(model, dataclasses.replace(_card_of(model, name, options), **known))


def _card_of(model: keras.Model, name: str, options: Mapping[str, Any]) -> Card:
    """The card of a model as it was built, of whose values nothing is known."""
    has_top = options.get("include_top", True)
    return Card(
        model=name,
        input_shape=tuple(model.input_shape[1:]),
        num_classes=_logits(model).shape[-1] if has_top else None,
        options={k: v for k, v in options.items() if k not in _CREATE_OPTIONS},
        include_top=has_top,
        pooling=options.get("pooling"),
        classifier_activation=options.get("classifier_activation"),
        parameters=zoo.models.count_trainable(model),
    )


def _described(model: keras.Model, card: Card) -> keras.Model:
    model.card = card
    model.preprocessing, model.class_names = card.preprocessing, card.class_names
    return model


def _logits(model: keras.Model) -> keras.KerasTensor:
    return model.output["logits"] if isinstance(model.output, dict) else model.output


def _classes_of(values: Mapping[str, np.ndarray]) -> int | None:
    """The number of classes of a classifier among the values; None where there is none."""
    bias = values.get("head_dense/bias")
    return None if bias is None else bias.shape[0]


def _without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
