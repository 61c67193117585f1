"""The space of a sweep, its proposals, what a kill leaves of them, the watch over the trials."""

from __future__ import annotations

import csv
import itertools
import math
import sys

import numpy as np
import pytest
from PIL import Image

from zoo.recipe import Recipe
from zoo.recipe.file import from_json
from zoo.tuning.processes import lock
from zoo.tuning.space import Choice, Integers, Range, check_sampler, parse_space
from zoo.tuning.study import Study, grid, parse_pruner, parse_sampler
from zoo.tuning.sweep import Sweep
from zoo.tuning.sweep_report import rows

RECIPE = Recipe(model="lenet5", channels=1, mean=(33.3,), std=(78.6,), image_size=28, epochs=3)
SPACE = "learning_rate=log(0.01, 1); batch_size=int(8, 64); label_smoothing=choice(0, 0.1)"


def test_a_space_is_read_in_its_order():
    space = parse_space(
        " weight_decay = uniform(0, 1e-3);learning_rate=log(1e-2, 0.3, points=4) ; "
        "batch_size=int(8, 64); schedule=choice('cosine', 'step(1, 2)'); crop_area=choice((1, 1), "
        "(0.5, 1));bias_decay=choice(True, False); warmup_epochs=int(0, 2);",
        RECIPE,
    )
    assert list(space.items()) == [
        ("weight_decay", Range(0, 1e-3, log=False, points=0)),
        ("learning_rate", Range(0.01, 0.3, log=True, points=4)),
        ("batch_size", Integers(8, 64)),
        ("schedule", Choice(("cosine", "step(1, 2)"))),
        ("crop_area", Choice(((1, 1), (0.5, 1)))),
        ("bias_decay", Choice((True, False))),
        ("warmup_epochs", Integers(0, 2)),
    ]


@pytest.mark.parametrize("text, message", [
    ("", "cannot read ''; expected FIELD=RANGE joined by semicolons"),
    ("learning_rate", "cannot read 'learning_rate'; expected FIELD=RANGE"),
    ("learning_rate=log(1, 2", "cannot read 'learning_rate=log(1, 2'"),
    ("seed=seed=int(1, 2)", "cannot read 'seed=seed=int(1, 2)'"),
    ("learning_rate=log(0.1, 1) weight_decay=log(0.1, 1)", "cannot read"),
    ("learning_rate=__import__('os').system('true')", "learning_rate: cannot read"),
    ("lerning_rate=log(0.1, 1)", "lerning_rate: expected a field of the recipe that changes the "
     "result; did you mean learning_rate?"),
    ("run_dir=choice('a', 'b')", "run_dir: expected a field of the recipe that changes the result"),
    ("steps_per_call=int(1, 5)", "steps_per_call: expected a field"),
    ("seed=int(1, 2); seed=int(3, 4)", "seed: got it twice"),
    ("learning_rate=loguniform(0.1, 1)", "learning_rate: got range 'loguniform'; expected one of "
     "['choice', 'int', 'log', 'uniform']"),
    ("learning_rate=log(1)", "learning_rate: range log: missing a required argument: 'high'"),
    ("learning_rate=log(0, 1)", "got 0 to 1; expected numbers LOW < HIGH, over 0"),
    ("learning_rate=log(1, 0.1)", "got 1 to 0.1; expected numbers LOW < HIGH, over 0"),
    ("learning_rate=uniform(1, 1)", "got 1 to 1; expected numbers LOW < HIGH"),
    ("learning_rate=uniform(1, 1e999)", "got 1 to inf; expected numbers LOW < HIGH"),
    ("learning_rate=uniform('a', 2)", "got 'a' to 2; expected numbers LOW < HIGH"),
    ("learning_rate=log(0.1, 1, points=1)", "got points=1; expected a whole number of 2 or more"),
    ("batch_size=int(1.5, 3)", "got 1.5 to 3; expected whole numbers LOW < HIGH"),
    ("batch_size=log(1, 3)", "batch_size: got numbers that a field of type int may not have; "
     "expected int, choice"),
    ("schedule=int(1, 3)", "schedule: got numbers that a field of type str may not have; expected "
     "choice"),
    ("seed=choice(1)", "got 1; expected two or more that differ"),
    ("seed=choice()", "got nothing; expected two or more that differ"),
    ("seed=choice(1, 2, 1)", "got 1, 2, 1; expected two or more that differ"),
    ("label_smoothing=uniform(0, 1)", "label_smoothing: --label_smoothing: got 1.0; expected 0 to "
     "less than 1"),
    ("model=choice('lenet', 'lenet6')", "model: --model: unknown model 'lenet6'"),
    ("warmup_epochs=int(0, 3)", "--warmup_epochs: got 3.0; expected 0 to less than epochs=3"),
])
def test_a_bad_space_is_told_in_one_line(text, message):
    with pytest.raises(ValueError) as error:
        parse_space(text, RECIPE)
    assert str(error.value).startswith("--space: ") and message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("spec, parse, message", [
    ("bayes", parse_sampler, "got sampler 'bayes'; expected one of ['grid', 'random', 'tpe']"),
    ("tpe(startup=0)", parse_sampler, "got tpe(startup=0); expected a whole number of 1 or more"),
    ("grid(3)", parse_sampler, "sampler grid: too many positional arguments"),
    ("mean", parse_pruner, "got pruner 'mean'; expected one of ['halving', 'median', 'none']"),
    ("median(trials=-1)", parse_pruner, "-1"),
])
def test_bad_samplers_and_pruners(spec, parse, message):
    with pytest.raises(ValueError) as error:
        parse(spec)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_points_belong_to_a_grid():
    with_points = parse_space("learning_rate=log(0.1, 1, points=3)", RECIPE)
    without = parse_space("learning_rate=log(0.1, 1)", RECIPE)
    check_sampler(with_points, is_grid=True)
    check_sampler(without, is_grid=False)
    with pytest.raises(ValueError, match="points=3, which only --sampler=grid reads"):
        check_sampler(with_points, is_grid=False)
    with pytest.raises(ValueError, match="learning_rate: got no points=N for --sampler=grid"):
        check_sampler(without, is_grid=True)


GRID = (
    "learning_rate=log(0.01, 1, points=3); weight_decay=uniform(0, 0.5, points=3); "
    "batch_size=int(4, 5)"
)


def test_points_lie_evenly_on_their_scale_and_end_at_the_ends():
    rates, decays, _ = (part.grid() for part in parse_space(GRID, RECIPE).values())
    assert rates == pytest.approx((0.01, 0.1, 1)) and (rates[0], rates[-1]) == (0.01, 1)
    assert decays == (0, 0.25, 0.5)


def test_a_grid_too_large_is_refused_before_it_is_built():
    with pytest.raises(ValueError, match="got a grid of 2000000000"):
        grid(parse_space("seed=int(0, 999999999); bias_decay=choice(True, False)", RECIPE))


def make_study(
    out, *, space=SPACE, sampler="random", seed=0, trials=6, pruner="none", recipe=RECIPE
):
    out.mkdir(exist_ok=True)
    return Study(
        out, recipe, parse_space(space, recipe), parse_sampler(sampler), seed=seed, trials=trials,
        pruner=parse_pruner(pruner), identity={"sampler": sampler},
    )


def score(values):
    """In 0..1, with one best place."""
    return math.exp(-abs(math.log10(values["learning_rate"]) + 1) - values["batch_size"] / 64)


def go_on(study, most=100):
    """Asks for and finishes trials, `most` of them; then leaves one under way."""
    while trial := study.ask():
        if most == 0:
            return
        most -= 1
        study.finish(trial, score(study.values(trial)))


def results(study):
    return [(i, study.values(tries[-1]), tries[-1].value) for i, tries in study.attempts().items()]


@pytest.mark.parametrize("sampler", ["random", "tpe(startup=3)"])
def test_the_same_seed_proposes_the_same_even_after_kills(sampler, tmp_path):
    unbroken = make_study(tmp_path / "unbroken", sampler=sampler)
    go_on(unbroken)
    for most in (2, 0, 3, 100):
        killed = make_study(tmp_path / "killed", sampler=sampler)
        go_on(killed, most)
    assert results(killed) == results(unbroken) and len(results(killed)) == 6
    # Those that were under way are there twice: failed, and with the same values done.
    twice = {index: tries for index, tries in killed.attempts().items() if len(tries) > 1}
    assert set(twice) == {2, 5} and [len(tries) for tries in twice.values()] == [3, 2]
    for tries in twice.values():
        assert [each.state.name for each in tries] == ["FAIL"] * (len(tries) - 1) + ["COMPLETE"]
        assert all(killed.values(each) == killed.values(tries[0]) for each in tries)
    other = make_study(tmp_path / "other", sampler=sampler, seed=1)
    go_on(other)
    assert results(other)[0][1] != results(unbroken)[0][1]


def test_tpe_learns_and_random_does_not(tmp_path):
    means = {}
    for sampler in ("tpe(startup=6)", "random"):
        study = make_study(tmp_path / sampler[:3], sampler=sampler, trials=18)
        go_on(study)
        means[sampler[:3]] = np.mean([value for _, _, value in results(study)[9:]])
    assert means["tpe"] > 1.3 * means["ran"]


def test_more_trials_go_on_where_fewer_ended(tmp_path):
    go_on(make_study(tmp_path / "some", trials=3))
    more = make_study(tmp_path / "some", trials=5)
    assert len(results(more)) == 3
    go_on(more)
    all_at_once = make_study(tmp_path / "all", trials=5)
    go_on(all_at_once)
    assert results(more) == results(all_at_once)


def test_values_lie_in_the_space(tmp_path):
    study = make_study(tmp_path / "x", trials=20)
    go_on(study)
    values = [values for _, values, _ in results(study)]
    assert all(0.01 <= each["learning_rate"] <= 1 and 8 <= each["batch_size"] <= 64 and
               type(each["batch_size"]) is int for each in values)
    assert {each["label_smoothing"] for each in values} == {0, 0.1}
    # Evenly over the logarithm: half are below the geometric mean.
    assert 5 <= sum(each["learning_rate"] < 0.1 for each in values) <= 15


def test_a_grid_is_covered_exactly_once_whatever_was_killed(tmp_path):
    for most in (3, 5, 100):
        study = make_study(tmp_path / "grid", space=GRID, sampler="grid")
        go_on(study, most)
    tried = [tuple(values.values()) for _, values, _ in results(study)]
    rates, *others = (part.grid() for part in study.space.values())
    assert tried == list(itertools.product(rates, *others)) and len(tried) == 3 * 3 * 2
    assert study.ask() is None


def test_failures_with_a_reason_are_not_tried_again(tmp_path):
    study = make_study(tmp_path / "x", trials=1)
    study.finish(study.ask(), reason="the loss is nan")
    again = make_study(tmp_path / "x", trials=1)
    assert again.ask() is None
    (row,) = rows(again)
    assert (row["state"], row["top_1"], row["reason"]) == ("fail", None, "the loss is nan")


def test_a_folder_of_something_else_is_refused(tmp_path):
    make_study(tmp_path / "x")
    for changes, message in (
        ({"space": "seed=int(1, 2)"}, "space is "), ({"seed": 1}, "sampler_seed is '1' now, '0' "),
        ({"sampler": "tpe"}, "sampler is 'tpe' now, 'random' there"),
        ({"recipe": from_json(RECIPE.to_json().replace('"epochs": 3', '"epochs": 4'))},
         "epochs is 4 now, 3 there"),
    ):
        with pytest.raises(ValueError, match=message):
            make_study(tmp_path / "x", **changes)
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="holds something else than a sweep"):
        make_study(tmp_path / "y")


def test_one_process_at_a_time_works_in_a_folder(tmp_path):
    with lock(tmp_path / "x"):
        with pytest.raises(ValueError, match="x is in use by another process"):
            lock(tmp_path / "x")
    lock(tmp_path / "x").close()


# A program that writes what a run writes, faster: (epoch, top-1) pairs, last words, exit code.
PROGRAM = """
import json, os, sys
folder, records, words, code = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
with open(folder + "/metrics.jsonl", "w") as file:
    for epoch, top_1 in json.loads(records):
        record = {"epoch": epoch, "step": epoch, "loss": 1.0, "top_1": top_1}
        file.write(json.dumps(record) + "\\n")
print(words)
sys.exit(int(code))
"""


def sweep(out, ends, *, objective="last", pruner="none", at_once=1):
    """Trials with seeds 0, 1, ..., each of which ends as `ends` says: records, words, exit code."""
    study = make_study(
        out, space=f"seed=int(0, {len(ends) - 1})", sampler="grid", pruner=pruner
    )

    def command(recipe):
        records, words, code = ends[recipe.seed]
        return [sys.executable, "-c", PROGRAM, recipe.run_dir, str(records), words, str(code)]

    exit_code = Sweep(
        study, RECIPE, out, command=command, objective=objective, tell=lambda line: None
    ).run(at_once)
    return exit_code, {row["trial"]: row for row in rows(study)}


GOOD = ([[1, 0.5], [2, 0.9], [3, 0.8]], "", 0)
BAD = ([[1, 0.4], [2, 0.95], [3, 0.99]], "", 0)


@pytest.mark.parametrize("objective, top_1", [("last", 0.8), ("best", 0.9)])
def test_the_objective(objective, top_1, tmp_path):
    _, found = sweep(tmp_path / "x", [GOOD, BAD], objective=objective)
    assert found[0]["top_1"] == top_1 and found[0]["epochs"] == 3
    assert found[1]["top_1"] == 0.99


def test_a_bad_trial_is_pruned_by_its_records_in_their_order(tmp_path):
    # However good it got later: it would have been stopped before.
    _, found = sweep(tmp_path / "x", [GOOD, BAD], pruner="halving")
    assert (found[0]["state"], found[1]["state"]) == ("complete", "pruned")
    assert (found[1]["top_1"], found[1]["epochs"]) == (0.4, 1)


def test_median_waits_for_its_trials(tmp_path):
    ends = [GOOD, BAD, BAD]
    _, found = sweep(tmp_path / "two", ends, pruner="median(trials=2)")
    assert [found[index]["state"] for index in range(3)] == ["complete", "complete", "pruned"]
    _, found = sweep(tmp_path / "later", ends, pruner="median(trials=2, epochs=2)")
    assert found[2]["state"] == "complete"


def test_failures_are_told_and_others_go_on(tmp_path):
    ends = [([], "error: the loss is nan", 1), GOOD, ([[1, 0.2]], "Segmentation fault", 3)]
    exit_code, found = sweep(tmp_path / "x", ends, at_once=3)
    assert exit_code == 0
    assert found[0]["reason"] == "the loss is nan" and found[2]["reason"] == "Segmentation fault"
    assert [found[index]["state"] for index in range(3)] == ["fail", "complete", "fail"]


def test_a_wrong_input_ends_the_sweep_and_can_be_put_right(tmp_path):
    ends = [GOOD, ([], "error: --data: got idx:nowhere", 2), GOOD]
    with pytest.raises(ValueError, match="trial-0001: --data: got idx:nowhere"):
        sweep(tmp_path / "x", ends)
    _, found = sweep(tmp_path / "x", [GOOD, GOOD, GOOD])
    assert {row["state"] for row in found.values()} == {"complete"}


def test_sweeps_in_which_nothing_was_trained_to_the_end_fail(tmp_path):
    exit_code, _ = sweep(tmp_path / "x", [([], "no", 1), ([], "no", 1)])
    assert exit_code == 1


def test_the_report(tmp_path):
    out = tmp_path / "x"
    sweep(out, [BAD, GOOD, ([], "no | way", 1), ([[1, 0.3]], "", 0)], pruner="halving")
    with open(out / "sweep.csv") as file:
        table = list(csv.DictReader(file))
    assert [(row["trial"], row["seed"], row["state"], row["top_1"], row["epochs"])
            for row in table] == [
        ("0", "0", "complete", "0.99", "3"), ("1", "1", "complete", "0.8", "3"),
        ("3", "3", "pruned", "0.3", "1"), ("2", "2", "fail", "", "0"),
    ]
    text = (out / "sweep.md").read_text()
    assert "# Sweep of 4 trials: 2 complete, 1 pruned, 1 fail" in text
    assert "| 0 | complete | 99.00 | 3 | 0 |  |" in text and "no \\| way" in text
    for name in ("history.png", "values.png"):
        assert len(np.unique(np.asarray(Image.open(out / name).convert("RGB")))) > 20
