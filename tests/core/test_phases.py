"""The phases of a run: what learns when, and at what size."""

from __future__ import annotations

import pytest

from zoo.core.phases import Phase, make_phases, phase_at


def phases(**changes):
    return make_phases(**{
        "frozen_steps": 0, "trainable": "all", "sizes": [28], "total_steps": 16,
        "augment": "mixup(0.2)", "final_augment": "flip", "final_steps": 0, **changes
    })


@pytest.mark.parametrize("changes, want", [
    ({}, [(0, "all", 28)]),
    ({"frozen_steps": 8}, [(0, "head", 28), (8, "all", 28)]),
    ({"trainable": "head"}, [(0, "head", 28)]),
    ({"sizes": [8, 16, 24]}, [(0, "all", 8), (5, "all", 16), (10, "all", 24)]),
    ({"sizes": [8, 16], "frozen_steps": 8}, [(0, "head", 8), (8, "all", 16)]),
    ({"sizes": [8, 16], "frozen_steps": 3, "trainable": "from:stage4"},
     [(0, "head", 8), (3, "from:stage4", 8), (8, "from:stage4", 16)]),
    ({"final_steps": 4}, [(0, "all", 28), (12, "all", 28, "flip")]),
    ({"sizes": [8, 16], "frozen_steps": 8, "final_steps": 8},
     [(0, "head", 8), (8, "all", 16, "flip")]),
    ({"sizes": [8, 16], "final_steps": 9},
     [(0, "all", 8), (7, "all", 8, "flip"), (8, "all", 16, "flip")]),
])
def test_phases(changes, want):
    assert phases(**changes) == tuple(
        Phase(*row, *["mixup(0.2)"] * (len(row) == 3)) for row in want
    )


def test_each_step_is_in_one_phase():
    three = phases(sizes=[8, 16, 24])
    found = [phase_at(three, step, 16) for step in range(16)]
    assert [phase.image_size for phase, _ in found] == [8] * 5 + [16] * 5 + [24] * 6
    assert [end for _, end in found] == [5] * 5 + [10] * 5 + [16] * 6


def test_more_sizes_than_steps():
    with pytest.raises(ValueError, match="^--train_sizes: got 3; expected at most one a step, 2$"):
        phases(sizes=[8, 16, 24], total_steps=2)
