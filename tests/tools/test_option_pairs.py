"""python -m tools.bench.option_pairs: combinations of options, three steps each.

All alone and hundreds of pairs are run by hand; docs/measurements/option_pairs.md has
what came of them.
"""

from __future__ import annotations

import re

from launch import run_module


def test_options_go_together_or_are_refused():
    done = run_module(
        "tools.bench.option_pairs", "--noalone", "--pairs=4", "--devices=2",
        "--precision=mixed_float16", "--seed=3",
        "--only=adam,averaging=ema(0.9),micro_batches=2,teacher,schedule one_cycle(0.4),"
        "warmup_epochs=0.5,patience=1,clip_norm=1",
    )
    rows = [line for line in done.stdout.splitlines() if re.search(r" \([\d.]+ s\)$", line)]
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(rows) == 4 and done.stdout.endswith("4 combinations, 0 crashed\n")
    for row in rows:
        assert re.search(r": (loss [\d.]+, [\d.]+|refused: --\w+: .+) \(", row), row


def test_refusals_are_told():
    done = run_module(
        "tools.bench.option_pairs", "--noalone", "--pairs=1",
        "--only=schedule one_cycle(0.4),warmup_epochs=0.5",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused: --schedule: one_cycle: got a warmup; expected --warmup_epochs=0" in done.stdout


def test_an_unknown_option():
    done = run_module("tools.bench.option_pairs", "--only=adam,magic")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --only: got 'magic'; expected some of sgd, momentum, ")
