"""docs/models.md is what the tool writes today."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import zoo.models
from tools.goldens.model_table import page

ROOT = Path(__file__).parents[2]


def test_the_table_is_up_to_date():
    # Built and counted in tests/models/test_model_facts.py, which compares with these numbers.
    facts = {}
    for path in (ROOT / "tests" / "models" / "facts").glob("*.json"):
        facts.update(json.loads(path.read_text()))
    infos = {}
    for name in zoo.models.list_models():
        family = importlib.import_module(f"zoo.models.{zoo.models.family_of(name)}")
        variant = family.MODELS[name]
        infos[name] = zoo.models.ModelInfo(
            name, variant.paper, variant.input_shape, facts[name]["trainable_parameters"],
            facts[name]["macs"],
        )
    text = (ROOT / "docs" / "models.md").read_text()
    assert text == page(infos), "run: python -m tools.goldens.model_table"
    assert sum(line.startswith("| `") for line in text.splitlines()) == len(infos)
