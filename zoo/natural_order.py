"""Sorting names as people do: "stage2" before "stage10"."""

from __future__ import annotations

import re


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """The key for `sorted`: digits compare as numbers, so resnet18 comes before resnet101."""
    parts = re.findall(r"\d+|\D+", name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
