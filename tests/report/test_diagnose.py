"""What diagnose says of curves in closed form, each with one fault, and of three real runs."""

from __future__ import annotations

import math

import pytest

from zoo.report.diagnose import diagnose

EPOCHS = range(1, 21)


def records(train_loss, loss=None, *, train_top_1=0.99, top_1=0.98, rate=lambda t: 0.1):
    """A record an epoch, of functions of the epoch; numbers stand for all epochs."""
    def at(value, epoch):
        return value(epoch) if callable(value) else value

    return [
        {"epoch": t, "learning_rate": rate(t), "train_loss": train_loss(t),
         "loss": (loss or (lambda t: train_loss(t) + 0.02))(t),
         "train_top_1": at(train_top_1, t), "top_1": at(top_1, t)}
        for t in EPOCHS
    ]


def fit(t):
    """Falls fast, then levels off: the usual loss of a run that goes well."""
    return 0.05 + 2.2 * math.exp(-t / 2)


def cosine(t):
    return 0.05 * (1 + math.cos(math.pi * t / 20))


def step(t):
    return 0.1 if t <= 5 else 0.01


def early(t):
    """Falls by a fifth an epoch; from epoch 6 on, at a tenth of the rate, by a hundredth."""
    return 2.3 * 0.8 ** min(t, 6) * 0.99 ** max(0, t - 6)


def flat_start(t):
    return 2.3 - 0.005 * (t - 1) if t <= 8 else 0.05 + 2.2 * math.exp(8 - t)


def restarts(t):
    return 0.05 * (1 + math.cos(math.pi * (t % 5) / 5))


HEALTHY = {
    "exponential": records(fit, rate=cosine),
    "constant rate": records(fit),
    "step at the right time": records(
        lambda t: 0.3 + 2 * math.exp(-t) if t <= 10 else 0.1 + 0.2 * math.exp(-(t - 10)),
        rate=lambda t: 0.1 if t <= 10 else 0.01,
    ),
    "a small loss that doubles once": records(lambda t: fit(t) + (0.06 if t == 15 else 0)),
    "mixed images, hard to tell": records(
        lambda t: 2.5 + math.exp(-t), lambda t: 1 + math.exp(-t), train_top_1=0.6, top_1=0.79,
        rate=cosine,
    ),
    "mixed images, and all of validation right": records(
        lambda t: 0.7 + math.exp(-t), fit, train_top_1=0.89, top_1=0.98, rate=cosine
    ),
    "restarts": records(lambda t: fit(t) + (0.4 if t % 5 == 0 else 0), fit, rate=restarts),
    "decay before a restart": records(
        early, lambda t: 0.5, rate=lambda t: 0.1 if t <= 5 or t > 8 else 0.01
    ),
    "a loss of 0": records(lambda t: 0.0, lambda t: 0.01),
}
FAULTS = {
    "underfitting": records(
        lambda t: 1.2 + math.exp(-t), train_top_1=0.55, top_1=0.56, rate=cosine
    ),
    "overfitting": records(fit, lambda t: fit(t) + 0.002 * t**2),
    "overfitting: training top-1": records(fit, train_top_1=1.0, top_1=0.8),
    "rate decayed too early": records(early, lambda t: 0.5, rate=step),
    "bad initialisation": records(flat_start),
    "rate too high": records(lambda t: fit(t) + (1.5 if t == 9 else 0)),
    "still improving at the end": records(lambda t: 2.3 * t**-0.5, rate=cosine),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_of_a_healthy_run(name):
    assert diagnose(HEALTHY[name]) == []


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_and_no_other_is_named(name):
    (line,) = diagnose(FAULTS[name])
    assert line.startswith(name) and "\n" not in line


def test_figures_in_words():
    (line,) = diagnose(FAULTS["rate too high"])
    assert "in epoch 9 the training loss jumped from 0.0903 to 1.57, near rate 0.1" in line
    (line,) = diagnose(FAULTS["rate decayed too early"])
    assert "up to epoch 5" in line and "by 20 % an evaluation" in line and "by 1.0 %" in line
    (line,) = diagnose(FAULTS["bad initialisation"])
    assert "stayed at 2.3 up to epoch 8" in line


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_short_runs(count):
    """A few evaluations show what falls, and no trend where there are not WINDOW + 1."""
    lines = diagnose(records(fit, rate=cosine)[:count])
    assert [line.split(":")[0] for line in lines] == (
        ["still improving at the end"] if count == 4 else []
    )


# Real runs of recipes/lenet.py on mnist5k, seed 0: training and validation loss, training and
# validation top-1 in %, an epoch a row.
AS_IT_IS = """
1.67 .2884 44.5 91.8  .3738 .1422 88.4 96.2  .2028 .0881 94.2 97.2  .1388 .0779 95.6 97.5
.1146 .0688 96.4 97.5  .1048 .0613 96.8 98.3  .0864 .0598 97.4 98.0  .0756 .0590 97.6 98.2
.0714 .0607 97.5 98.3  .0588 .0378 98.0 99.2  .0524 .0362 98.4 98.9  .0490 .0348 98.3 98.8
.0425 .0314 98.6 98.9  .0381 .0340 99.0 99.1  .0325 .0327 98.9 99.1  .0286 .0359 99.1 99.0
.0226 .0377 99.4 99.1  .0234 .0367 99.2 99.1  .0220 .0357 99.5 99.1  .0291 .0356 98.9 99.1"""
# --schedule="step(2, factor=0.01)"
EARLY_STEP = """
1.671 .2885 44.5 91.9  .3737 .1310 88.6 96.2  .6148 .2554 80.5 92.9  .3516 .1763 89.2 94.9
.2670 .1522 92.1 95.6  .2519 .1392 92.9 96.0  .2408 .1300 92.6 96.5  .2239 .1238 93.3 96.5
.2072 .1180 93.3 96.6  .1959 .1146 94.0 96.5  .1980 .1111 94.2 96.5  .1973 .1066 94.1 96.8
.1907 .1038 94.6 97.0  .1696 .1017 95.2 96.9  .1736 .0997 94.6 97.0  .1716 .0974 95.2 96.9
.1487 .0947 95.3 97.0  .1583 .0932 95.4 97.1  .1609 .0916 95.1 96.9  .1590 .0904 95.1 96.9"""
# --learning_rate=0.2 --schedule=constant --warmup_epochs=0
NEVER_LEARNT = """
2.347 2.097 14.6 23.0  2.432 2.313 10.5 10.0  2.309 2.303 9.4 10.0  2.306 2.304 9.7 10.0
2.306 2.304 9.7 10.0  2.307 2.304 9.1 10.0  2.305 2.304 9.2 10.0  2.306 2.304 9.3 10.0"""


@pytest.mark.parametrize(("table", "rates", "found"), [
    (AS_IT_IS, [0.025 * (1 + math.cos(math.pi * t / 20)) for t in EPOCHS], []),
    (EARLY_STEP, [0.05] * 2 + [0.0005] * 18, ["rate decayed too early"]),
    (NEVER_LEARNT, [0.2] * 8, ["underfitting"]),
])
def test_real_runs(table, rates, found):
    numbers = [float(text) for text in table.split()]
    rows = [
        {"epoch": epoch, "learning_rate": rate, "train_loss": row[0], "loss": row[1],
         "train_top_1": row[2] / 100, "top_1": row[3] / 100}
        for epoch, (rate, *row) in enumerate(
            zip(rates, *(numbers[place::4] for place in range(4)), strict=True), start=1
        )
    ]
    assert [line.split(":")[0] for line in diagnose(rows)] == found
