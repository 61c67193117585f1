"""The folder of a run of somebody else, which may hold anything, or miss what it began with."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import zoo
from zoo.recipe import Recipe
from zoo.recipe.file import read_recipe
from zoo.weights import artefact
from zoo.weights.local import values_of


@pytest.fixture
def run(finished_run, tmp_path):
    """The run as it was before its end: its newest checkpoint is its model."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "checkpoints").symlink_to(finished_run / "checkpoints")
    for name in ("recipe.json", "classes.txt", "launches.jsonl", "metrics.jsonl"):
        (folder / name).write_bytes((finished_run / name).read_bytes())
    return folder


def refused(run, *words) -> None:
    with pytest.raises(ValueError) as error:
        zoo.load_model(run)
    message = str(error.value)
    assert "\n" not in message and all(word in message for word in words), message


@pytest.mark.parametrize(("content", "word"), [
    (b"{}", "its recipe has no field 'image_size'"), (b"[]", "got list; expected an object"),
    (b"\xff\x00", "is no text"), (b"[" * 100_000, "recursion"), (b"1" * 5000, "not a recipe"),
    (b" " * (2**24 + 1), "has 16777217 bytes; expected at most 16777216"),
])
def test_a_recipe_that_is_none(run, content, word):
    (run / "recipe.json").write_bytes(content)
    refused(run, str(run), word)


@pytest.mark.parametrize(("field", "value", "word"), [
    ("image_size", 10**6, "expected a size of 1 to 8192"), ("image_size", "x", "cannot be read"),
    ("image_size", 28.0, "got input_shape=(28.0, 28.0, 1)"), ("image_size", True, "input_shape"),
    ("image_size", None, "cannot be read"), ("eval_resize", 10**9, "to 8192"),
    ("mean", 3, "cannot be read"), ("mean", ["a"], "cannot be read"),
    ("std", [float("nan")], "deviations over 0"), ("model", 3, "got model=3"),
    ("model", "os:system", "--trust=os"), ("model_options", 3, "got 3"),
    ("model_options", "width=1e9", "too large"), ("model_options", "hidden=(1,)", "hidden"),
    ("channels", 10**9, "got input_shape=(28, 28, 1000000000)"), ("channels", 3, "(5, 5, 3, 6)"),
    ("eval_resizing", [], "got resizing=[]"), ("averaging", "ema(0.9)", "holds no averages"),
])
def test_a_field_that_cannot_be(run, field, value, word):
    recipe = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps({**recipe, field: value}))
    refused(run, word)


@pytest.mark.parametrize(("content", "word"), [
    (b"name\n" * 10**6, "expected (84, 1000000)"), (b"", "expected (84, 1)"),
    (b"name\n" * 4 * 10**6, "has 20000000 bytes"), (b"\xff\n" * 10, "is no text"),
])
def test_classes_that_cannot_be(run, content, word):
    (run / "classes.txt").write_bytes(content)
    refused(run, word)


def test_an_artefact_with_a_recipe_that_is_none(tmp_path):
    model = zoo.create_model("lenet5", weights="mnist")
    for recipe in ({}, {"data": "mnist5k"}):
        card = dataclasses.replace(model.card, recipe=recipe)
        artefact.write(tmp_path / "model.safetensors", values_of(model), card)
        refused(tmp_path / "model.safetensors", "got recipe=")


def test_what_a_run_began_with_may_have_gone(run, finished_run):
    fields = json.loads((run / "recipe.json").read_text())
    fields |= {"weights": "/gone/weights.pth", "teacher": "/gone/run", "temperature": 2.0}
    (run / "recipe.json").write_text(json.dumps(fields))
    model, finished = zoo.load_model(run), zoo.load_model(finished_run)
    assert np.array_equal(model.get_weights()[0], finished.get_weights()[0])
    recipe = read_recipe(run)  # as the tools read it that go on with a run's data
    assert (recipe.weights, recipe.teacher) == ("/gone/weights.pth", "/gone/run")
    with pytest.raises(ValueError, match="^--weights: got weights='/gone/weights.pth'; expected"):
        Recipe(**{**vars(recipe)})
