"""The files of tricks, the ladder they make, and the statistics of its table."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from zoo import cli
from zoo.recipe import Recipe
from zoo.tuning.ablation import TrickRow, make_rows, read_sections, read_top_1, run_rows
from zoo.tuning.ablation_report import compare, write_report

ROOT = Path(__file__).parents[2]
BASE = Recipe(model="lenet5", channels=1, mean=(33.3,), std=(78.6,), image_size=28, epochs=3)

FILE = """
# A ladder.
[baseline]
--warmup_epochs=0
  --label_smoothing=0

[linear scaling]   # a comment
--batch_size=1024
[no decay, 2 epochs]
--weight_decay=0
# in between
--epochs=2
"""


def parse(arguments):
    return cli.parse(BASE, ["tricks", *arguments])


def ladder(folder, text=FILE, *arguments, mode="cumulative"):
    path = folder / "some.tricks"
    path.write_text(text)
    return make_rows(read_sections(path), list(arguments), folder / "out", mode, parse)


def test_each_trick_is_on_top_of_those_above(tmp_path):
    rows = ladder(tmp_path, FILE, "--data=synthetic", "--seed", "3")
    assert [row.name for row in rows] == ["baseline", "linear scaling", "no decay, 2 epochs"]
    own = {"data": ("synthetic", "mnist5k"), "seed": (3, 0)}
    first = {"batch_size": (1024, 256)}
    second = {"weight_decay": (0.0, 1e-4), "epochs": (2, 3)}
    assert [row.recipe.difference(BASE) for row in rows] == [
        own, own | first, own | first | second
    ]
    assert [row.compared for row in rows] == [None, rows[0], rows[1]]
    assert [row.folder.name for row in rows] == [
        "baseline", "cumulative-01-linear-scaling", "cumulative-02-no-decay-2-epochs"
    ]


def test_alone_each_is_on_the_baseline(tmp_path):
    rows = ladder(tmp_path, mode="alone")
    assert [set(row.recipe.difference(rows[0].recipe)) for row in rows] == [
        set(), {"batch_size"}, {"weight_decay", "epochs"}
    ]
    assert [row.compared for row in rows] == [None, rows[0], rows[0]]
    assert rows[0].folder == ladder(tmp_path)[0].folder
    assert {row.folder for row in rows[1:]}.isdisjoint(row.folder for row in ladder(tmp_path))


def test_the_command_line_changes_the_baseline(tmp_path):
    rows = ladder(tmp_path, FILE, "--label_smoothing=0.1")
    assert all(row.recipe.label_smoothing == 0.1 for row in rows)


@pytest.mark.parametrize("text, arguments, message", [
    ("--epochs=1\n", [], "line 1: got '--epochs=1'; expected [NAME OF A TRICK], and under it"),
    ("[a]\nepochs=1\n", [], "line 2: got 'epochs=1'; expected [NAME OF A TRICK]"),
    ("[a]\n", [], "got the sections ['a']; expected a baseline and one trick or more"),
    ("[a]\n[b]\n--epochs=4\n[b]\n--epochs=5\n", [], "got the sections ['a', 'b', 'b']"),
    ("[a]\n[b]\n--epocs=4\n", [], "[b]: Unknown command line flag 'epocs'"),
    ("[a]\n--epochs=0\n[b]\n--epochs=4\n", [], "[a]: --epochs: got 0; expected 1 or more"),
    ("[a]\n[b]\n--epochs=3\n", [], "[b] changes nothing on [a]"),
    ("[a]\n[b]\n--epochs=4\n[c]\n--keep_checkpoints=9\n", [], "[c] changes nothing on [b]"),
    ("[a]\n[b]\n--epochs=4\n", ["--epochs=5"],
     "[b]: sets --epochs to 4, the command line to 5; expected it in one of them"),
    ("[a]\n[b]\n--epochs=4\n", ["--epochs=3"], "[b]: sets --epochs to 4, the command line to 3"),
    ("[a]\n[b]\n--epochs=4\n--seed=1\n", [], "a trick sets --seed"),
])
def test_a_bad_ladder_is_told_in_one_line(text, arguments, message, tmp_path):
    def parse_or_value_error(flags):
        try:
            return parse(flags)
        except cli.flags.Error as error:
            raise ValueError(str(error)) from None

    path = tmp_path / "some.tricks"
    path.write_text(text)
    with pytest.raises(ValueError) as error:
        make_rows(read_sections(path), arguments, tmp_path, "cumulative", parse_or_value_error)
    assert str(error.value).startswith("--tricks: ") and message in str(error.value)
    assert "\n" not in str(error.value)


SHIPPED = sorted((ROOT / "recipes" / "ablations").glob("*.tricks"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", ["cumulative", "alone"])
def test_shipped_ladders_fit_the_recipe_that_they_name(path, mode, monkeypatch, tmp_path):
    words = path.read_text().split()
    (name,) = {word.removeprefix("--recipe=") for word in words if word.startswith("--recipe=")}
    recipe = cli.find_recipe(name)
    if "--run_dir=runs/teacher" in words:  # what the first command at the top of the file leaves
        (tmp_path / "runs" / "teacher").mkdir(parents=True)
        (tmp_path / "runs" / "teacher" / "recipe.json").write_text(recipe.to_json())
        (tmp_path / "runs" / "teacher" / "classes.txt").write_text("0\n1\n")
    monkeypatch.chdir(tmp_path)
    rows = make_rows(
        read_sections(path), [], Path("out"), mode, lambda flags: cli.parse(recipe, ["", *flags])
    )
    assert len(rows) >= 5


BASELINE = [97.1, 97.4, 96.9, 97.3, 97.2]
GAIN = [98.0, 98.3, 98.1]
NOISE = [97.0, 97.9, 96.8]


def welch(values, others):
    return stats.ttest_ind(values, others, equal_var=False)


@pytest.mark.parametrize("values", [GAIN, NOISE])
def test_the_comparison_is_welchs(values):
    got, expected = compare(values, BASELINE), welch(values, BASELINE)
    assert got.difference == pytest.approx(np.mean(values) - np.mean(BASELINE))
    assert (got.low, got.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert got.p_value == pytest.approx(expected.pvalue)
    assert (got.p_value < 0.05) == (got.low > 0 or got.high < 0) == (values is GAIN)


def test_too_little_to_compare():
    assert compare([97.0], BASELINE) is None and compare(BASELINE, []) is None
    assert compare([97.0, 97.0], [98.0, 98.0]) is None
    assert compare([97.0, 97.0], [98.0, 98.1]) is not None


def finished(folder, top_1, **splits):
    """What a run leaves that the table reads, written as finish.py writes it."""
    folder.mkdir(parents=True)
    summary = {"images": {"train": 9, **{name: 1000 for name in splits}},
               **{name: {"top_1": value} for name, value in splits.items()}}
    summary["validation"] = {"top_1": top_1}
    summary["images"]["validation"] = 500
    (folder / "summary.json").write_text(json.dumps(summary))


def test_the_test_images_count_where_there_are_some(tmp_path):
    finished(tmp_path / "a", 0.5)
    finished(tmp_path / "b", 0.5, test=0.25)
    assert read_top_1(tmp_path / "a") == ("validation", 0.5, 500)
    assert read_top_1(tmp_path / "b") == ("test", 0.25, 1000)


def make_table(folder, mode="cumulative"):
    rows = []
    for name, values in (("baseline", BASELINE), ("gain | more", GAIN), ("noise", NOISE)):
        compared = rows[0 if mode == "alone" else -1] if rows else None
        row = TrickRow(name, folder / name, BASE, compared)
        for seed, value in enumerate(values):
            finished(row.folder / f"seed-{seed}", value / 100)
            row.top_1[seed] = value / 100
        rows.append(row)
    rows[2].failures[3] = "the loss is nan"
    text = write_report(rows, folder, mode)
    assert text == (folder / "ablation.md").read_text()
    with open(folder / "ablation.csv") as file:
        return text, list(csv.DictReader(file))


def test_the_table_holds_what_numpy_says(tmp_path):
    text, rows = make_table(tmp_path)
    for row, values, others in zip(
        rows, (BASELINE, GAIN, NOISE), ([], BASELINE, GAIN), strict=True
    ):
        assert float(row["top_1"]) == pytest.approx(np.mean(values))
        assert float(row["deviation"]) == pytest.approx(np.std(values, ddof=1))
        assert row["n"] == str(len(values))
        if others:
            p_value = welch(values, others).pvalue
            assert float(row["difference"]) == pytest.approx(np.mean(values) - np.mean(others))
            assert float(row["p_value"]) == pytest.approx(p_value)
            assert row["over_noise"] == str(p_value < 0.05)
    lines = text.splitlines()
    assert lines[0].startswith("| trick | top-1, % | deviation | to the row above | 95 % interval")
    assert lines[2] == "| baseline | 97.18 | 0.19 |  |  |  |  | 5 |"
    assert lines[3].startswith("| + gain \\| more | 98.13 | 0.15 | +0.95 | +0.64 to +1.27 | 0.0004")
    assert lines[3].endswith("| yes | 3 |") and lines[4].endswith("| no | 3, 1 failed |")
    assert "Top-1 on 500 validation images" in text and "- noise, seed 3: the loss is nan" in text
    assert "one or more would still pass with a chance of about 10 %" in text


def test_alone_the_differences_are_to_the_baseline(tmp_path):
    text, rows = make_table(tmp_path, mode="alone")
    assert float(rows[2]["difference"]) == pytest.approx(np.mean(NOISE) - np.mean(BASELINE))
    assert "| to the baseline |" in text and "\n| noise |" in text


def test_a_folder_of_another_recipe_is_refused(tmp_path):
    rows = ladder(tmp_path)
    folder = tmp_path / "out" / "baseline" / "seed-1"
    folder.mkdir(parents=True)
    other = dataclasses.replace(rows[0].recipe, learning_rate=0.3, seed=1)
    (folder / "recipe.json").write_text(other.to_json())
    with pytest.raises(ValueError, match="seed-1 holds the run of another recipe"):
        run_rows(rows, 2, at_once=1, command=lambda recipe: ["false"], after_each=lambda: None)
