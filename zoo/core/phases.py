"""The parts of a run between which its step is built anew: what learns, and on images how large."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """From step `start` on: which layers learn, as for `zoo.finetune.set_trainable`, and the side
    of the training images, pixels."""

    start: int
    trainable: str
    image_size: int


def make_phases(
    *,
    frozen_steps: int,
    trainable: str,
    sizes: Sequence[int],
    total_steps: int,
) -> tuple[Phase, ...]:
    """For `frozen_steps` only the classifier learns, then `trainable`. Each of `sizes` has an equal
    part of the run.

    Raises ValueError for more sizes than steps.
    """
    if len(sizes) > total_steps:
        raise ValueError(
            f"--train_sizes: got {len(sizes)}; expected at most one a step, {total_steps}"
        )
    starts = [place * total_steps // len(sizes) for place in range(len(sizes))]
    return tuple(
        Phase(
            start=start,
            trainable="head" if start < frozen_steps else trainable,
            image_size=sizes[bisect.bisect_right(starts, start) - 1],
        )
        for start in sorted({*starts, *([frozen_steps] if frozen_steps else [])})
    )


def phase_at(phases: Sequence[Phase], step: int, total_steps: int) -> tuple[Phase, int]:
    """The phase that `step` is in, and the step at which it ends."""
    starts = [phase.start for phase in phases]
    place = bisect.bisect_right(starts, step) - 1
    return phases[place], [*starts, total_steps][place + 1]
