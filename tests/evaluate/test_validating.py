"""A table of many weights over one set, stopped and gone on with."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from launch import run_module
from photographs import write_photographs

from zoo.data import open_source
from zoo.data.splits import ArraySplit, Source
from zoo.evaluate.validating import COLUMNS, names_of, read_rows, validate

LENET, LENET5 = "zoo:lenet.mnist", "zoo:lenet5.mnist"


def rows(path):
    return list(csv.DictReader(path.open()))


def test_lite0_on_photographs(tmp_path):
    """They are called by WordNet's ids; among these three classes all are right."""
    data = f"folder:{write_photographs(tmp_path / 'photographs', by=1)}"
    out = tmp_path / "photographs.csv"
    done = run_module("tools.validate_zoo", f"--data={data}", f"--out={out}",
                      f"--weights=efficientnet_lite_pytorch:efficientnet-lite0,{LENET5}")
    assert done.returncode == 1, done.stderr  # digits' weights know no such classes
    assert f"{LENET5}: --data: got 3 classes, among them 'n03763968'" in done.stderr
    [row] = rows(out)
    assert row["weights"] == "efficientnet_lite_pytorch:efficientnet-lite0"
    assert (row["model"], row["images"], row["top_1"]) == ("efficientnet_lite0", "3", "100.000")
    assert float(row["low"]) < 50 < float(row["published_top_1"]) < float(row["high"])
    assert float(row["points"]) == pytest.approx(100 - float(row["published_top_1"]))


def test_it_goes_on_with_what_is_missing(tmp_path):
    split = open_source("mnist5k").splits["validation"]
    some = ArraySplit(split.images[::40], split.labels[::40])
    source = Source("digits", tuple("0123456789"), 1, {"validation": some})
    out = tmp_path / "digits.csv"

    def run(*names):
        return dict(validate(names, source, "validation", "digits", out, batch_size=25))

    first = run(LENET)
    assert first[LENET]["top_1"] == "100.000" and first[LENET]["published_top_1"] == "99.620"
    second = run("zoo:none", LENET, LENET5)
    assert list(second) == ["zoo:none", LENET5] and isinstance(second["zoo:none"], ValueError)
    assert rows(out) == [first[LENET], second[LENET5]] == read_rows(out, "digits", "validation")
    with pytest.raises(ValueError, match="is of validation of digits; expected the same data"):
        read_rows(out, "others", "validation")
    out.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is no table of this tool"):
        read_rows(out, "digits", "validation")
    assert read_rows(tmp_path / "new.csv", "digits", "validation") == [] and len(COLUMNS) == 14


def test_names_by_pattern():
    assert names_of(["zoo:lenet*", LENET5, "own.safetensors"]) == [LENET5, LENET, "own.safetensors"]
    assert len(names_of(["*:*"])) > 190
    with pytest.raises(ValueError, match="^--weights: got 'none:.', which fits no name of the cat"):
        names_of(["none:*"])
    assert np.unique(names_of(["timm:*", "timm:resnet*"])).size == len(names_of(["timm:*"]))
