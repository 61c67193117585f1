"""python -m tools.bench.augment and tools.bench.augment_step, as a user calls them."""

from __future__ import annotations

import re

import pytest
from launch import run_module

POLICY = "flip|hsb(0.4)|lighting(0.1)|mixup(0.2)"


def cells(line: str) -> list[str]:
    """Of a row of a Markdown table, in which a bar behind a backslash is part of a cell."""
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def spread(cell: str) -> list[float]:
    """[median, least, most] of "1,234 (1,200-1,300)"."""
    number = r"(-?[\d.]+)"
    match = re.fullmatch(rf"{number} \({number}-{number}\)", cell.replace(",", ""))
    median, least, most = map(float, match.groups())
    assert least <= median <= most
    return [median, least, most]


def test_a_row_a_policy_in_each_mode_and_the_rivals():
    """JAX's column comes from a process of its own."""
    done = run_module("tools.bench.augment", f"--policies={POLICY}; posterize",
                      "--batch_size=2", "--image_size=16", "--rounds=2")
    assert done.returncode == 0, done.stderr
    title, _, head, _, *rows = done.stdout.splitlines()
    assert title == "2 x 16 x 16 x 3, images/s, 2 rounds"
    assert cells(head) == ["policy", "eager", "graph", "xla", "jax"]
    ops, rivals = rows[:3], rows[6:]
    assert [cells(row)[0] for row in ops] == ["floor", f"`{POLICY}`", "`posterize`"]
    for row in ops:
        assert len(cells(row)) == 5 and all(spread(cell)[1] > 0 for cell in cells(row)[1:])
    assert len(set(cells(ops[0])[1:])) == 1  # the machine's, whatever the mode
    assert len(set(cells(ops[1])[1:])) == 4
    assert [cells(row)[0] for row in rivals] == ["zoo (XLA)", "KerasCV (graph)", "Keras (graph)"]
    zoo, *others = (spread(cells(row)[1]) for row in rivals)
    assert cells(rivals[0])[2] == "1.0"
    for row, (_, least, most) in zip(rivals[1:], others, strict=True):
        # From our slowest beside their fastest to the reverse.
        assert zoo[1] / most - 0.1 <= float(cells(row)[2]) <= zoo[2] / least + 0.1


def test_a_policys_share_of_a_training_step():
    done = run_module("tools.bench.augment_step", "--model=lenet", "--batch_size=4",
                      "--image_size=28", "--steps=1", "--rounds=3")
    assert done.returncode == 0, done.stderr
    title, _, head, _, row = done.stdout.splitlines()
    assert title == "lenet, 4 x 28 x 28 x 3, float32, 3 rounds of 1 steps"
    assert cells(head) == ["policy", "ms a step with it", "without", "added, %"]
    policy, with_it, without, added = cells(row)
    assert policy == f"`{POLICY}`"
    assert spread(with_it)[1] > 0 and spread(without)[1] > 0
    # From the fastest with it beside the slowest without to the reverse.
    _, least, most = spread(added)
    assert least >= 100 * (spread(with_it)[1] / spread(without)[2] - 1) - 5
    assert most <= 100 * (spread(with_it)[2] / spread(without)[1] - 1) + 5


@pytest.mark.parametrize(("tool", "flag", "message"), [
    ("augment", "--modes=xla,tpu", "--modes: got 'tpu'; expected some of ['eager', 'graph'"),
    ("augment", "--policies=flip;flop", "got operation 'flop'; expected some of ["),
    ("augment_step", "--policy=", "--policy: got ''; expected a policy"),
    ("augment_step", "--policy=flop", "got operation 'flop'; expected some of ["),
    ("augment_step", "--model=lenet7", "unknown model 'lenet7'"),
])
def test_wrong_flags_end_in_one_line(tool, flag, message):
    done = run_module(f"tools.bench.{tool}", flag)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
