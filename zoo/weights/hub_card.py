"""The README.md of a model in a repository of the Hugging Face Hub."""

from __future__ import annotations

import json

from zoo.printable import markdown
from zoo.weights.card import Card, told_accuracies

_UNKNOWN = "not known"


def hub_card(card: Card, repo: str) -> str:
    """Markdown with the header that the Hub reads: what the model is, how good, of what, and how to
    call it. repo: OWNER/REPO."""
    images, recipe = card.preprocessing, card.recipe or {}
    header = {
        "library_name": "keras-reference-zoo", "pipeline_tag": "image-classification",
        "tags": ["image-classification", "keras"],
        **({"license": card.licence.lower()} if card.licence else {}),
    }
    rows = {
        "Model": f"{card.model}, {card.num_classes} classes"
        + (f", {card.parameters:,} parameters" if card.parameters else ""),
        "Images": _UNKNOWN if images is None else
        f"{images.image_size}x{images.image_size}, "
        f"{'RGB' if len(images.mean) == 3 else 'grey'}; the short side resized to "
        f"{images.eval_resize} pixels ({images.resizing}), the centre cut out",
        "Data": recipe.get("data") or _UNKNOWN,
        "Recipe": recipe.get("name") or _UNKNOWN,
        "Command": card.command or _UNKNOWN,
        "Commit": card.git_commit or _UNKNOWN,
        "Versions": ", ".join(f"{name} {own}" for name, own in card.versions.items()) or _UNKNOWN,
        "Accuracy": told_accuracies(card) or _UNKNOWN,
        "Licence": card.licence or _UNKNOWN,
    }
    lines = [
        # JSON is YAML, whatever is in the texts.
        "---", *(f"{name}: {json.dumps(value)}" for name, value in header.items()), "---", "",
        f"# {markdown(repo)}", "", "| | |", "| --- | --- |",
        *(f"| {name} | {markdown(value)} |" for name, value in rows.items()), "",
        "An answer is one of the model's classes whatever the picture shows. Pictures unlike those "
        "of its data get worse answers.", "",
        "```python", "import zoo", "",
        f'model = zoo.create_model(weights="hf:{repo}", classifier_activation="softmax")',
        'images = zoo.preprocess_input([open("photo.jpg", "rb").read()], model)',
        "print(zoo.decode_predictions(model.predict(images), class_names=model.class_names))",
        "```", "",
    ]
    return "\n".join(lines)
