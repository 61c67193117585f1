"""The card beside an exported model: what it is, how good, from what, and how to call it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.export.check import told
from zoo.printable import markdown
from zoo.weights.card import Card, told_accuracies

_UNKNOWN = "not known"


def readme(card: Card, exported: Mapping[str, Any], usage: str) -> str:
    """Markdown. exported: what export.json says. usage: lines of Python."""
    images = card.preprocessing
    recipe = card.recipe or {}
    rows = {
        "Model": f"{card.model}, {card.num_classes} classes"
        + (f", {card.parameters:,} parameters" if card.parameters else ""),
        "Format": f"{exported['format']}, {exported['precision']}",
        "Images": f"{images.image_size}x{images.image_size}, "
        f"{'RGB' if len(images.mean) == 3 else 'grey'}, levels of 0..255: the short side resized "
        f"to {images.eval_resize} ({images.resizing}), the centre cut out; the normalisation is "
        "in the file",
        "Data": recipe.get("data") or _UNKNOWN,
        "Recipe": ", ".join(
            f"{name}={recipe[name]}" for name in ("name", "epochs", "batch_size", "optimizer")
            if name in recipe
        ) or _UNKNOWN,
        "Command": card.command or _UNKNOWN,
        "Commit": card.git_commit or _UNKNOWN,
        "Versions": ", ".join(f"{k} {v}" for k, v in card.versions.items()) or _UNKNOWN,
        "Accuracy": told_accuracies(card) or _UNKNOWN,
        "Licence of the weights": card.licence or _UNKNOWN,
        "Check": told(exported["check"]).replace("\n", "; "),
    }
    lines = [f"# {markdown(card.model)}", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {markdown(str(value))} |" for name, value in rows.items()]
    lines += [
        "", "## Limits", "",
        "An answer is one of the classes below whatever the picture shows: there is no class for "
        "'none of these', and a probability says how sure the model is, not how often it is right. "
        "Pictures unlike those of its data (other cameras, crops, colours) get worse answers.",
        "", "## Call", "", "In this folder:", "", "```python", usage, "```", "", "## Classes", "",
        ", ".join(markdown(name) for name in card.class_names[:1000]), "",
    ]
    return "\n".join(lines)
