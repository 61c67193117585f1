"""The options of the families' builders, for editors and type checkers.

Which of them a model takes, its builder says: `zoo.models.check_model` refuses the others by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class FamilyOptions(TypedDict, total=False):
    """By name: type. The build function of the model's family describes each."""

    activation: str | None
    aux_heads: bool
    groups: int
    hidden: Sequence[int]
    lrn: bool
    pool: str
    small_input: bool
    stochastic_depth: float
    width: float
    zero_gamma: bool
