"""What is known of a trained model: all that is needed to build, feed and describe it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from zoo.address import is_address
from zoo.runs.run_folder import BEFORE
from zoo.spec import parse_options
from zoo.weights.preprocessing import LARGEST, Preprocessing

FORMAT = 1
# Fields of a recipe that are read without a Recipe: what a run saw, and which of its values count.
_OF_RECIPE = {
    "data", "data_dir", "image_size", "channels", "eval_resize", "eval_resizing", "patience",
    "averaging",
}


@dataclasses.dataclass(frozen=True)
class Card:
    """A trained model in words and numbers; it is the metadata of the model's file.

    model: a name of `zoo.list_models()`, or the address of a model from outside.
    options: those of the builder that are not its defaults.
    input_shape: height, width, channels; None for a side that is open.
    num_classes: of the classifier; None for a model without one.
    include_top, pooling, classifier_activation: as of `zoo.create_model`.
    class_names: in the order of the outputs; None where they are not known.
    preprocessing: how pictures become its input, or where its images are no squares, that of what
        its weights were trained on; None where that is not known.
    parameters: the number of its trainable values.
    recipe: the fields of the recipe that trained it; None where no run of this zoo did.
    accuracies: by split, as {"validation": {"top_1": 0.98, ...}}, in 0..1.
    command, versions, git_commit: what trained it; empty where that is not known.
    licence: of the values.
    """

    model: str
    input_shape: tuple[int | None, int | None, int]
    num_classes: int | None
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    include_top: bool = True
    pooling: str | None = None
    classifier_activation: str | None = None
    class_names: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    parameters: int | None = None
    recipe: Mapping[str, Any] | None = None
    accuracies: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    command: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    git_commit: str = ""
    licence: str = ""

    @property
    def addresses(self) -> list[str]:
        """Code from outside of the zoo that building the model runs."""
        return [self.model] if is_address(self.model) else []

    def build_options(self) -> dict[str, Any]:
        """The arguments of `zoo.models.create_model`, beside the name."""
        named = ("num_classes", "input_shape", "include_top", "pooling", "classifier_activation")
        return {**{name: getattr(self, name) for name in named}, **self.options}

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})


def from_json(text: str) -> Card:
    """Reads what `Card.to_json` wrote.

    Raises:
      ValueError: another format, or fields that are not a card's; in one line.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its description is no JSON: {error}") from None
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise ValueError(
            f"its description has another format than {FORMAT}, the one that this version reads; "
            "expected a file of this version of the zoo"
        )
    try:
        if fields.get("preprocessing") is not None:
            known = {"orientation": BEFORE["orientation"], **fields["preprocessing"]}
            fields["preprocessing"] = Preprocessing(**_with_tuples(known))
        if isinstance(fields.get("recipe"), dict):
            fields["recipe"] = {**BEFORE, **fields["recipe"]}
        card = Card(**{**fields, **_with_tuples(fields, ("input_shape", "class_names"))})
        _check(card)
    except TypeError as error:
        raise ValueError(f"its description cannot be read: {error}") from None
    return card


def card_of_recipe(recipe: Mapping[str, Any], class_names: tuple[str, ...], **known: Any) -> Card:
    """The card of the model that a run trains.

    recipe: the fields of its recipe. known: further fields of the card.

    Raises:
      ValueError: a field that is missing, of another type or out of its range; in one line.
    """
    try:
        size = recipe["image_size"]
        card = Card(
            model=recipe["model"],
            options=parse_options(recipe["model_options"]),
            input_shape=(size, size, recipe["channels"]),
            num_classes=len(class_names),
            class_names=tuple(class_names),
            preprocessing=Preprocessing(
                image_size=size, eval_resize=recipe["eval_resize"],
                resizing=recipe["eval_resizing"], mean=tuple(recipe["mean"]),
                std=tuple(recipe["std"]), orientation=recipe["orientation"],
            ),
            recipe=dict(recipe),
            **known,
        )
        _check(card)
    except KeyError as error:
        raise ValueError(f"its recipe has no field {error}; expected that of a run") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"its recipe cannot be read: {error}") from None
    return card


def _check(card: Card) -> None:
    """Raises TypeError for a field of another type than `Card` says."""
    sides = card.input_shape
    good = {
        "model": isinstance(card.model, str),
        "options": isinstance(card.options, dict) and all(map(str.isidentifier, card.options)),
        "input_shape": len(sides) == 3
        and all(type(side) is int and 0 < side <= LARGEST for side in sides if side is not None)
        and sides[2] is not None,
        "num_classes": card.num_classes is None or type(card.num_classes) is int,
        "class_names": card.class_names is None or len(card.class_names) == card.num_classes
        and all(isinstance(name, str) for name in card.class_names),
        "recipe": card.recipe is None or isinstance(card.recipe, dict)
        and card.recipe.keys() >= _OF_RECIPE,
        "accuracies": isinstance(card.accuracies, dict),
        "versions": isinstance(card.versions, dict),
    }
    for name, is_good in good.items():
        if not is_good:
            raise TypeError(f"got {name}={getattr(card, name)!r:.200}")


def _with_tuples(fields: Mapping[str, Any], names: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in fields.items() if not names or name in names
    }


def told_accuracies(card: Card) -> str:
    """As "validation: top_1 0.9880, top_5 1.0000"; empty where none is known."""
    return "; ".join(
        f"{split}: " + ", ".join(
            f"{name} {value:.4f}" for name, value in figures.items()
            if isinstance(value, (int, float))
        )
        for split, figures in card.accuracies.items() if isinstance(figures, Mapping)
    )
