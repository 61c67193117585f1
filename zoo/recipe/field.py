"""A field of the recipe: its default with help text, check and section beside it."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from zoo.recipe import checks


def _field(
    default: Any, help_text: str, check: checks.Check = checks.anything, *, section: str,
    changes_result: bool = True,
) -> Any:
    """changes_result: False for what changes where or how often things are written only."""
    return dataclasses.field(default=default, metadata={
        "help": help_text, "check": check, "section": section, "changes_result": changes_result,
    })


# What makes the fields of a section: (default, help text, check) -> dataclass field.
model, data, transfer, optimisation, distillation, machine = (
    functools.partial(_field, section=section)
    for section in ("Model", "Data", "Transfer", "Optimisation", "Distillation", "Machine")
)
output = functools.partial(_field, section="Output", changes_result=False)
