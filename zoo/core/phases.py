"""The parts of a run between which its step is built anew: what learns, on images of what size,
augmented how."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """From step `start` on: which layers learn, as for `zoo.finetune.set_trainable`, the side of
    the training images, pixels, and their augmentation, as for `zoo.augment.parse_policy`."""

    start: int
    trainable: str
    image_size: int
    augment: str


def make_phases(
    *,
    frozen_steps: int,
    trainable: str,
    sizes: Sequence[int],
    augment: str,
    final_augment: str,
    final_steps: int,
    total_steps: int,
) -> tuple[Phase, ...]:
    """For `frozen_steps` only the classifier learns, then `trainable`. Each of `sizes` has an equal
    part of the run. The last `final_steps` have `final_augment`, those before them `augment`.

    Raises ValueError for more sizes than steps.
    """
    if len(sizes) > total_steps:
        raise ValueError(
            f"--train_sizes: got {len(sizes)}; expected at most one a step, {total_steps}"
        )
    starts = [place * total_steps // len(sizes) for place in range(len(sizes))]
    final_start = total_steps - final_steps
    return tuple(
        Phase(
            start=start,
            trainable="head" if start < frozen_steps else trainable,
            image_size=sizes[bisect.bisect_right(starts, start) - 1],
            augment=augment if start < final_start else final_augment,
        )
        for start in sorted({*starts, *({frozen_steps, final_start} - {total_steps})})
    )


def phase_at(phases: Sequence[Phase], step: int, total_steps: int) -> tuple[Phase, int]:
    """The phase that `step` is in, and the step at which it ends."""
    starts = [phase.start for phase in phases]
    place = bisect.bisect_right(starts, step) - 1
    return phases[place], [*starts, total_steps][place + 1]
