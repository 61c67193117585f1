"""What the curves of a run say, in words: the usual readings of loss and top-1 as fixed rules.

After Stanford's CS231n notes ("Babysitting the learning process") and Smith 2018
(arXiv 1803.09820); the numbers are this project's own. Training figures are of augmented images,
with dropout and smoothing, so only large differences from those of validation count. The rules know
the curves alone, not the recipe.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

# Evaluations over which a trend is measured: fewer are noise.
WINDOW = 3
# Underfitting: training top-1 below this ...
LOW_TOP_1 = 0.9
# ... and at most this much above that of validation, which could then follow a better fit.
SMALL_GAP = 0.02
# ... which is itself below LOW_TOP_1, and not this far above: images so augmented, by mixup above
# all, are hard to tell however well the network fits.
AUGMENTED_GAP = 0.1
# Overfitting: training top-1 above that of validation by more than this ...
LARGE_GAP = 0.1
# ... or the validation loss above this multiple of its best, while the training loss fell.
LOSS_RISE = 1.25
# Still improving: the validation loss is at its best, and lower by this share than WINDOW before.
LAST_FALL = 0.05
# The rate fell where it is at most this share of that at the evaluation before: a step, no cosine.
# It rose where it is as many times as high: a restart, a cycle.
RATE_FALL = 0.5
# Decayed too early: the training loss fell by more than this share an evaluation before the rate
# did, in the WINDOW before it ...
FAST = 0.05
# ... and afterwards by less than this part of that: a loss that slows down by itself keeps more.
SLOWED = 0.1
# A training loss that falls by less than this share an evaluation falls no more.
FLAT = 0.003
# Bad initialisation: in the first WINDOW evaluations after the first one the training loss stays
# within this share of it ...
FLAT_START = 0.02
# ... and at last is below this share of it: it can be learnt.
LEARNT = 0.7
# Rate too high: from one evaluation to the next the training loss grows to this multiple ...
JUMP = 1.3
# ... and by this share of the first one: small losses double without harm.
JUMP_SHARE = 0.1


def diagnose(records: Sequence[dict]) -> list[str]:
    """One line for each rule that holds; none for a run without a fault in its curves.

    records: of metrics.jsonl, at least "epoch", "learning_rate", "train_loss", "train_top_1",
    "loss" and "top_1"; losses of 0 or more, top-1 in 0..1.
    """
    rules = (
        _bad_initialisation, _rate_too_high, _decayed_too_early, _underfitting, _overfitting,
        _still_improving,
    )
    found = [rule(records) for rule in rules]
    return [line for line in found if line]


def _bad_initialisation(records: Sequence[dict]) -> str:
    losses = _column(records, "train_loss")
    flat = [abs(loss - losses[0]) <= FLAT_START * losses[0] for loss in losses]
    if all(flat) or flat.index(False) <= WINDOW or losses[-1] >= LEARNT * losses[0]:
        return ""
    return (f"bad initialisation: the training loss stayed at {losses[0]:.3g} up to epoch "
            f"{records[flat.index(False) - 1]['epoch']} and fell only then. Another kernel "
            "initialisation, batch normalisation, or a shorter warmup")


def _rate_too_high(records: Sequence[dict]) -> str:
    losses, rates = _column(records, "train_loss"), _column(records, "learning_rate")
    for place in range(1, len(losses)):
        if _rate_fell(rates, place):
            continue  # momentum from the higher rate may carry the weights too far
        if _rate_rose(rates, place):
            continue  # a restart costs some of what the low rate had gained, and is meant to
        before, after = losses[place - 1], losses[place]
        if after > JUMP * before and after - before > JUMP_SHARE * losses[0]:
            return (f"rate too high: in epoch {records[place]['epoch']} the training loss jumped "
                    f"from {before:.3g} to {after:.3g}, near rate {rates[place]:.2g}. A lower "
                    "--learning_rate, a longer warmup, or --clip_norm")
    return ""


def _decayed_too_early(records: Sequence[dict]) -> str:
    losses, rates = _column(records, "train_loss"), _column(records, "learning_rate")
    changes = [
        place for place in range(1, len(rates))
        if _rate_fell(rates, place) or _rate_rose(rates, place)
    ]
    for place, until in zip(changes, [*changes, len(losses)][1:], strict=True):
        if not _rate_fell(rates, place):
            continue
        # Not the first evaluation at the lower rate: it has the fall that the change itself brings.
        earlier, later = losses[max(0, place - 1 - WINDOW): place], losses[place + 1: until]
        if len(earlier) < 2 or len(later) <= WINDOW:
            continue
        before, after = _fall(earlier), _fall(later)
        if before > FAST and after < SLOWED * before:
            return (f"rate decayed too early: up to epoch {records[place - 1]['epoch']} the "
                    f"training loss fell by {100 * before:.0f} % an evaluation, then, at rate "
                    f"{rates[place]:.2g}, by {100 * after:.1f} %. A later or smaller decay")
    return ""


def _underfitting(records: Sequence[dict]) -> str:
    if len(records) <= WINDOW:
        return ""
    last, losses = records[-1], _column(records, "train_loss")
    gap = last["train_top_1"] - last["top_1"]
    if max(last["train_top_1"], last["top_1"]) >= LOW_TOP_1:
        return ""
    if not -AUGMENTED_GAP <= gap <= SMALL_GAP:
        return ""
    if _fall(losses[-1 - WINDOW:]) > FLAT:
        return ""  # it may fit yet
    return (f"underfitting: training top-1 ends at {100 * last['train_top_1']:.1f} %, validation "
            f"top-1 at {100 * last['top_1']:.1f} %, and the training loss falls no more. A larger "
            "network, less augmentation, decay or dropout; or another rate (python -m "
            "tools.find_lr)")


def _overfitting(records: Sequence[dict]) -> str:
    if not records:
        return ""
    best = min(records, key=lambda record: record["loss"])
    last = records[-1]
    told = []
    if last["loss"] > LOSS_RISE * best["loss"] and last["train_loss"] < best["train_loss"]:
        told.append(f"the validation loss rose from {best['loss']:.3g} in epoch {best['epoch']} to "
                    f"{last['loss']:.3g} while the training loss fell")
    if last["train_top_1"] > last["top_1"] + LARGE_GAP:
        told.append(f"training top-1 is {100 * last['train_top_1']:.1f} %, validation "
                    f"{100 * last['top_1']:.1f} %")
    if not told:
        return ""
    return (f"overfitting: {' and '.join(told)}. More images or augmentation, more decay or "
            "dropout, a smaller network, or --patience")


def _still_improving(records: Sequence[dict]) -> str:
    losses = _column(records, "loss")
    if len(losses) <= WINDOW or losses[-1] > min(losses):
        return ""
    if losses[-1] > (1 - LAST_FALL) * losses[-1 - WINDOW]:
        return ""
    return (f"still improving at the end: the validation loss fell from {losses[-1 - WINDOW]:.3g} "
            f"to {losses[-1]:.3g} over the last {WINDOW} evaluations. More --epochs")


def _column(records: Sequence[dict], name: str) -> list[float]:
    return [record[name] for record in records]


def _rate_fell(rates: Sequence[float], place: int) -> bool:
    return rates[place] <= RATE_FALL * rates[place - 1]


def _rate_rose(rates: Sequence[float], place: int) -> bool:
    return RATE_FALL * rates[place] >= rates[place - 1]


def _fall(losses: Sequence[float]) -> float:
    """Mean share by which one loss is below the one before, below 0 where they rise."""
    tiny = 1e-12  # a loss may be 0
    ratio = (losses[-1] + tiny) / (losses[0] + tiny)
    return 1 - math.pow(ratio, 1 / (len(losses) - 1))
