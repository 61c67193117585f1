"""What evaluations decide while a run goes on, as functions of their records alone.

A resumed run has the same records (metrics.jsonl), and so decides the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo.spec import bind, parse_call


def best(records: Sequence[dict]) -> dict:
    """The first record of the highest validation top-1; of equal ones that of the lowest loss."""
    return max(records, key=lambda record: (record["top_1"], -record["loss"]))


def stops(records: Sequence[dict], patience: int) -> bool:
    """Whether the last `patience` evaluations, 1 or more, were no better than the best one."""
    return bool(records) and len(records) - 1 - records.index(best(records)) >= patience


def rate_factor(schedule: str, records: Sequence[dict]) -> float:
    """What the schedule's rate is multiplied by: 1 for all but plateau(factor, patience,
    threshold), which is PyTorch's ReduceLROnPlateau.

    Times `factor` after more than `patience` evaluations in a row whose loss was not below
    (1 - threshold) times the lowest one.
    """
    call = parse_call(schedule)
    if call.name != "plateau":
        return 1.0
    return bind(call, {"plateau": _plateau}, "--schedule")(records)


def _plateau(factor: float = 0.1, patience: int = 10, threshold: float = 1e-4):
    def over(records: Sequence[dict]) -> float:
        result, lowest, waited = 1.0, float("inf"), 0
        for record in records:
            if record["loss"] < lowest * (1 - threshold):
                lowest, waited = record["loss"], 0
            else:
                waited += 1
            if waited > patience:
                result, waited = result * factor, 0
        return result

    return over
