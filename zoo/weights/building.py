"""A model out of values: built, filled, and described by its card."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import zoo.models
from zoo.address import is_address
from zoo.models import registry
from zoo.weights import convert
from zoo.weights.card import Card
from zoo.weights.copying import copies_keep_what_is_known
from zoo.weights.unallocated import may_be_huge, shapes_of

if TYPE_CHECKING:
    import keras
    import numpy as np

# What `zoo.models.create_model` takes beside the options of the builder.
CREATE_OPTIONS = {"input_shape", "include_top", "pooling", "classifier_activation"}


def with_values(
    name: str, values: Mapping[str, np.ndarray], known: dict[str, Any],
    stored_classes: int | None, num_classes: int | None, options: dict[str, Any],
) -> keras.Model:
    """Builds the model, gives it the values, and says on its card what is known of them.

    stored_classes: those of the values' classifier; None: they have none.
    """
    has_top = options.get("include_top", True)
    if has_top and num_classes is None:
        num_classes = stored_classes
    same_classes = has_top and num_classes == stored_classes
    build = {**options, "num_classes": num_classes}
    if may_be_huge(build) and not is_address(name):
        convert.fitted(shapes_of(name, **build), values, new_classifier=not same_classes)
    model = zoo.models.create_model(name, **build)
    convert.assign(model, values, new_classifier=not same_classes)
    if not same_classes:
        known = {field: known[field] for field in ("preprocessing", "licence") if field in known}
    images = known.get("preprocessing")
    known = {**known, "preprocessing": images and images.for_input(model.input_shape[1:])}
    model = described(model, dataclasses.replace(card_of(model, name, options), **known))
    model.weights_preprocessing = images
    return model


def card_of(model: keras.Model, name: str, options: Mapping[str, Any]) -> Card:
    """The card of a model as it was built, of whose values nothing is known."""
    has_top = options.get("include_top", True)
    return Card(
        model=name,
        input_shape=tuple(model.input_shape[1:]),
        num_classes=_logits(model).shape[-1] if has_top else None,
        options={k: v for k, v in options.items() if k not in CREATE_OPTIONS},
        include_top=has_top,
        pooling=options.get("pooling"),
        classifier_activation=options.get("classifier_activation"),
        parameters=zoo.models.count_trainable(model),
    )


def described(model: keras.Model, card: Card) -> keras.Model:
    model.card = card
    model.preprocessing, model.class_names = card.preprocessing, card.class_names
    copies_keep_what_is_known(model)
    return model


def _logits(model: keras.Model) -> keras.KerasTensor:
    return model.output["logits"] if isinstance(model.output, dict) else model.output


def classes_of(name: str, values: Mapping[str, np.ndarray]) -> int | None:
    """The number of classes of the classifier among the values; None where there is none.

    Raises:
      ValueError: a classifier that is no layer of one output a class.
    """
    structure = getattr(registry.find(name), "structure", None)
    if structure is None or f"{structure.classifier}/kernel" not in values:
        return None
    if (bias := values.get(f"{structure.classifier}/bias")) is None:
        raise ValueError(f"got no tensor for '{structure.classifier}/bias'; expected one")
    if bias.ndim != 1 or bias.size == 0:
        raise ValueError(
            f"got a tensor of shape {bias.shape} for '{structure.classifier}/bias'; expected a "
            "number a class"
        )
    return bias.shape[0]
