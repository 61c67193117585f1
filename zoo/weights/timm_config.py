"""What a timm repository's config.json says of the weights beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.weights import names
from zoo.weights.card import Card
from zoo.weights.class_names import IMAGENET
from zoo.weights.preprocessing import Preprocessing

NAME, WEIGHTS = "config.json", "model.safetensors"


def read_card(path: Path) -> Card | None:
    """The card of a timm file, model.safetensors with timm's config.json beside it; None for
    another name, or a config.json that names no architecture.

    Raises:
      ValueError: an architecture that is not in the zoo, or images that the zoo does not make; a
        broken file; in one line.
    """
    config = path.with_name(NAME)
    if path.name != WEIGHTS or not config.is_file():
        return None
    try:
        found = json.loads(config.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{config} is no JSON: {error}") from None
    if not isinstance(found, dict) or "architecture" not in found:
        return None
    try:
        return card_of(found)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{config} cannot be read as timm's: {type(error).__name__} {error}"
                         ) from None
    except ValueError as error:
        raise ValueError(f"{config}: {error}") from None


def card_of(config: Mapping[str, Any]) -> Card:
    """config: the object of config.json. Raises as `read_card`, besides what a missing or strange
    field raises."""
    if config.get("model_args"):
        raise ValueError(f"got model_args={config['model_args']!r}; expected none: the zoo has "
                         "the architecture as timm builds it without")
    name, _ = names.find("timm", config["architecture"])
    told = {**config, **config.get("pretrained_cfg", {})}  # older files have one level
    channels, height, width = told["input_size"]
    if height != width:
        raise ValueError(f"got input_size={told['input_size']}; expected squares")
    if told.get("crop_mode", "center") != "center":
        raise ValueError(f"got crop_mode={told['crop_mode']!r}; expected 'center'")
    num_classes = config.get("num_classes", told.get("num_classes"))
    if type(num_classes) is not int or num_classes < 1:
        raise ValueError(f"got num_classes={num_classes!r}; expected a number of classes")
    return Card(
        model=name, input_shape=(height, width, channels), num_classes=num_classes,
        class_names=_class_names(told, num_classes),
        preprocessing=Preprocessing(
            image_size=height,
            eval_resize=math.floor(height / told.get("crop_pct", 0.875)),  # as timm rounds it
            resizing=told["interpolation"],
            mean=tuple(255 * level for level in told["mean"]),
            std=tuple(255 * level for level in told["std"]),
        ),
        licence=told.get("license", ""),
    )


def _class_names(told: Mapping[str, Any], num_classes: int) -> tuple[str, ...] | None:
    """Those of the file; ImageNet's where the weights were last trained on it; else None."""
    if labels := told.get("label_names"):
        described = told.get("label_descriptions") or {}
        found = tuple(str(described.get(label, label)) for label in labels)
        return found if len(found) == num_classes else None
    if num_classes == len(IMAGENET) and told.get("tag", "").endswith("in1k"):
        return tuple(name for _, name in IMAGENET)
    return None
