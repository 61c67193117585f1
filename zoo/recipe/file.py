"""Recipes as files: what a run's folder says of how it was trained. Loads no TensorFlow."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from zoo.address import is_address, require_trust
from zoo.data.source_spec import KINDS
from zoo.recipe import Recipe
from zoo.runs import run_folder
from zoo.spec import addresses as spec_addresses

# Fields that may name code from outside of the zoo: as they are, or in a spec of calls.
_NAMES = ("model", "teacher_model")
_SPECS = ("augment", "final_augment", "optimizer", "schedule", "loss", "distillation", "averaging")


def from_json(text: str, source: str = "recipe.json", *, trust: Collection[str] = ()) -> Recipe:
    """Reads what `Recipe.to_json` wrote.

    trust: packages from outside of the zoo whose code it may name.

    Raises ValueError, naming `source`, for text that is no recipe, or names other code.
    """
    try:
        fields = json.loads(text)
        if not isinstance(fields, dict):
            raise ValueError(f"got {type(fields).__name__}; expected an object")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is not a recipe of this version: {error}") from None
    return from_fields({**run_folder.BEFORE, **fields}, source, trust=trust)


def from_fields(
    fields: Mapping[str, Any], source: str = "recipe.json", *, trust: Collection[str] = ()
) -> Recipe:
    """The recipe of these fields, of a run that has begun; lists become tuples.

    Raises ValueError as `from_json`.
    """
    try:
        known = {field.name for field in dataclasses.fields(Recipe)}
        if unknown := set(fields) - known:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        require_trust(addresses(fields), trust, source)
        return Recipe(begun=True, **{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        })
    except (ValueError, TypeError) as error:
        raise ValueError(f"{source} is not a recipe of this version: {error}") from None


def addresses(fields: Mapping[str, Any]) -> list[str]:
    """The code from outside of the zoo that a recipe of these fields names."""
    texts = {name: fields.get(name) for name in (*_NAMES, *_SPECS, "data")}
    texts = {name: text for name, text in texts.items() if isinstance(text, str)}
    named = [texts[name] for name in _NAMES if name in texts]
    source = texts.get("data", "").partition(",")[0]
    named += [source] if source.partition(":")[0] not in KINDS else []
    named = [name for name in named if is_address(name)]
    return named + [name for spec in _SPECS for name in spec_addresses(texts.get(spec, ""))]


def packages_of(recipe: Recipe) -> set[str]:
    """The packages from outside whose code `recipe` names, and so trusts."""
    return {name.partition(":")[0].partition(".")[0] for name in addresses(vars(recipe))}


def read_recipe(run_dir: str | Path, *, trust: Collection[str] = ()) -> Recipe:
    """The recipe of a run folder. Raises ValueError, in one line, where there is none."""
    path = Path(run_dir) / "recipe.json"
    return from_fields(run_folder.read_recipe(run_dir), str(path), trust=trust)
