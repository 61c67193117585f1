"""Recipes as files: what a run's folder says of how it was trained. Loads no TensorFlow."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from zoo.recipe import Recipe


def from_json(text: str, source: str = "recipe.json") -> Recipe:
    """Reads what `Recipe.to_json` wrote.

    Raises ValueError, naming `source`, for text that is no recipe.
    """
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"got {type(values).__name__}; expected an object")
        known = {field.name for field in dataclasses.fields(Recipe)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown fields {sorted(unknown)}")
        return Recipe(**{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        })
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{source} is not a recipe of this version: {error}") from None


def read_recipe(run_dir: str | Path) -> Recipe:
    """The recipe of a run folder. Raises ValueError, in one line, where there is none."""
    path = Path(run_dir) / "recipe.json"
    if not path.is_file():
        raise ValueError(f"--run_dir: {run_dir} holds no recipe.json; expected a run's folder")
    return from_json(path.read_text(), str(path))
