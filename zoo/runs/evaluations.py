"""What evaluations decide while a run goes on, as functions of their records alone.

A resumed run has the same records (metrics.jsonl), and so decides the same.
"""

from __future__ import annotations

from collections.abc import Sequence


def best(records: Sequence[dict]) -> dict:
    """The first record of the highest validation top-1; of equal ones that of the lowest loss."""
    return best_first(records)[0]


def best_first(records: Sequence[dict]) -> list[dict]:
    """All records, `best` first; of equal ones the earlier first."""
    return sorted(records, key=lambda record: (-record["top_1"], record["loss"]))


def stops(records: Sequence[dict], patience: int) -> bool:
    """Whether the last `patience` evaluations, 1 or more, were no better than the best one."""
    return bool(records) and len(records) - 1 - records.index(best(records)) >= patience
