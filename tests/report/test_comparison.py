"""Runs beside each other: what differs, and McNemar's test on the predictions that they keep."""

from __future__ import annotations

import json

import numpy as np
import pytest
from a_run import records
from PIL import Image

from zoo.evaluate import kept
from zoo.evaluate.comparing import mcnemar
from zoo.report.comparison import against_first, panels, read_runs, sections
from zoo.report.comparison_files import as_html, as_markdown, write_comparison
from zoo.report.page import render
from zoo.runs import run_folder

HOSTILE = "<script>alert(1)</script>|`x`"


def a_run(folder, epochs=4, correct=(), images=20, **fields):
    recipe = {"name": "lenet5", "data": "mnist5k", "epochs": 4, "run_dir": str(folder), **fields}
    data = {"train": {"images": images, "sha256": f"{images}" * 32}}
    run_folder.begin(folder, json.dumps(recipe), ["a", "b"], data, "python -m recipes.x", ["CPU"])
    for record in records(epochs):
        run_folder.append_record(folder, record)
    if len(correct):
        rows = [{"image": f"{place}.png", "label": "a", "answer": "a" if own else "b",
                 "correct": own, "in_top_5": True, "probability": 0.9, "label_probability": 0.5,
                 "loss": 0.7, "top_5": []} for place, own in enumerate(correct)]
        (folder / kept.NAME).write_text(kept.as_csv(rows))
    return folder


def shown(runs) -> dict[str, dict[str, list[str]]]:
    return {title: {what: list(values) for what, values in rows} for title, rows in sections(runs)}


def test_what_differs_and_nothing_else(tmp_path):
    first = a_run(tmp_path / "a/run", optimizer="sgd", crop_area=[0.08, 1.0])
    second = a_run(tmp_path / "b/run", 2, optimizer="adam", crop_area=[0.08, 1.0], images=30)
    launch = json.loads((second / "launches.jsonl").read_text())
    launch["versions"]["keras"] = "3.0"
    (second / "launches.jsonl").write_text(json.dumps(launch) + "\n")
    runs = read_runs([first, second])
    assert [run.name for run in runs] == ["a/run", "b/run"]  # their own names are the same
    found = shown(runs)
    assert found["Recipe"] == {"optimizer": ["sgd", "adam"]}
    assert found["Data"] == {
        "train: images": ["20", "30"], "train: sha256": ["20" * 8, "30" * 8]}
    assert found["Code"].keys() == {"keras"} and found["Code"]["keras"][1] == "3.0"
    assert found["Result"]["epochs"] == ["4 of 4", "2 of 4"]
    assert "test top-1" not in found["Result"]  # none of them has it
    assert [len(panel.lines) for panel in panels(runs)] == [4, 4, 2]


def test_mcnemar_where_both_keep_predictions_of_the_same_images(tmp_path):
    right = np.arange(40) < 30
    first = a_run(tmp_path / "first", correct=right)
    others = [
        a_run(tmp_path / "better", correct=right | (np.arange(40) > 31)),
        a_run(tmp_path / "fewer", correct=right[:39]), a_run(tmp_path / "none"),
    ]
    told = {name: text for name, text in against_first(read_runs([first, *others]))}
    assert "top-1 +20.00 points" in told["better"]
    assert "right alone: 8 images, first 0" in told["better"]
    assert told["better"].endswith(f"McNemar's p {mcnemar(8, 0):.3g}")
    assert told["fewer"] == "not the same validation images"
    assert told["none"] == "none has no predictions.csv: a run that has ended has"
    (first / kept.NAME).write_text("nonsense\n")
    with pytest.raises(ValueError, match=r"^RUN: .*first/predictions.csv is no predictions.csv"):
        read_runs([first, *others])


def test_markdown_and_page(tmp_path):
    runs = read_runs([a_run(tmp_path / HOSTILE.replace("/", "∕"), data=HOSTILE),
                      a_run(tmp_path / "_b")])
    text = as_markdown(runs)
    assert "## Data\n\nNo difference." in text and "<script>" not in text
    html = as_html(runs)
    assert html.count("<script>") == 1 and "&lt;script&gt;alert(1)&lt;/script&gt;|`x`" in html
    write_comparison(tmp_path, runs)
    assert "![Loss, accuracy and learning rate by epoch](curves.png)" in (
        tmp_path / "comparison.md").read_text()
    assert min(Image.open(tmp_path / "curves.png").size) > 300
    assert (tmp_path / "comparison.html").read_text() == html


@pytest.mark.parametrize("names, told", [
    (["a"], "got 1 runs; expected 2 to 8 different ones"), (["a", "a"], "got 2 runs; expected 2"),
    (["a", "empty"], "empty holds no recipe.json; expected a run's folder"),
    (["a", "new"], "new has no evaluation yet; expected a run with one"),
    ([f"a{place}" for place in range(9)], "got 9 runs; expected 2 to 8"),
])
def test_what_cannot_be_compared(tmp_path, names, told):
    a_run(tmp_path / "a")
    a_run(tmp_path / "new", 0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=told):
        read_runs([tmp_path / name for name in names])


def test_a_fact_that_is_missing_is_an_error():
    with pytest.raises(Exception, match="undefined"):
        render("comparison.html.j2")
