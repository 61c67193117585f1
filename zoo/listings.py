"""What there is: recipes, models and public weights, as lines of text. Loads no TensorFlow."""

from __future__ import annotations

import re

from zoo.cli import find_recipe, recipe_doc, recipe_names, told_accuracy
from zoo.models import list_models
from zoo.weights import catalogue


def print_recipes() -> None:
    """With top-1, or top-1 / top-5, as published or measured, and with the time where that was
    measured: see the recipe's --help."""
    rows = [("RECIPE", "DATA", "EPOCHS", "TIME", "ACCURACY", "WHAT")]
    for name in recipe_names():
        recipe, doc = find_recipe(name), recipe_doc(name)
        found = re.search(r"(?:Published|Measured): ([\d./ ]+ %(?: top-5)?)", told_accuracy(doc))
        accuracy = found[1] if found else ""
        told = re.search(r"Time: (.*?)[.,](?:\s|$)", " ".join(doc.split()))
        time = told[1] if told else ""
        rows.append((name, recipe.data, str(recipe.epochs), time, accuracy, doc.splitlines()[0]))
    print_table(rows)


def print_models(pattern: str = "*") -> None:
    """Raises ValueError where no model matches."""
    best = {}
    for entry in catalogue.entries():
        for name in entry.default_of:
            if entry.top_1 is not None:
                best[name] = f"{entry.top_1:.2f} % ({entry.dataset})"
    rows = [("MODEL", "TOP-1 OF ITS DEFAULT WEIGHTS")]
    rows += [(name, best.get(name, "")) for name in _some(list_models(pattern), "models", pattern)]
    print_table(rows)


def print_weights(pattern: str = "*") -> None:
    """Raises ValueError where no checkpoint matches."""
    rows = [("WEIGHTS", "TOP-1 AT PIXELS", "LICENCE")]
    for entry in _some(catalogue.entries(pattern), "weights", pattern):
        top_1 = "" if entry.top_1 is None else f"{entry.top_1:.2f} % "
        if entry.test_top_1 is not None:
            size = entry.test_preprocessing.image_size
            top_1 += f"at {entry.preprocessing.image_size}, {entry.test_top_1:.2f} % at {size}"
        elif top_1:
            top_1 += f"at {entry.preprocessing.image_size}"
        rows.append((entry.name, top_1, entry.licence))
    print_table(rows)


def _some(found: list, what: str, pattern: str) -> list:
    if not found:
        raise ValueError(f"got the pattern {pattern!r}, which no {what} match; without a pattern "
                         "all are listed")
    return found


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
