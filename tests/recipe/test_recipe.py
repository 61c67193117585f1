"""Recipe: every wrong value is told in one line, every right one survives the way to disk."""

from __future__ import annotations

import dataclasses
import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.methods import METHODS
from zoo.recipe import Recipe
from zoo.recipe.checks import PRECISIONS, XLA_MODES
from zoo.recipe.file import from_json, read_recipe

FIELDS = {field.name: field for field in dataclasses.fields(Recipe)}
GREY = {"channels": 1, "mean": (33.3,), "std": (78.6,)}
INF, NAN = math.inf, math.nan
POSITIVE = (
    "batch_size", "epochs", "base_batch_size", "virtual_devices",
    "steps_per_call", "evaluate_every", "checkpoint_every", "keep_checkpoints",
)
TEACHER = {"teacher": "imagenet", "teacher_model": "resnet50d"}
LOW_HIGH = "two numbers LOW,HIGH with 0 < LOW <= HIGH"

# field, its bad value, what is expected, other fields
BAD = [
    *((name, 0, "1 or more", {}) for name in POSITIVE),
    *((name, -3, "1 or more", {}) for name in POSITIVE),
    *((name, value, "1 to 8192", {}) for value in (0, -3, 10**6)
      for name in ("image_size", "eval_resize")),
    *((name, -1, "0 or more", {}) for name in ("host_threads", "cache_mb", "train_images")),
    *(("seed", value, "0 to 2147483647", {}) for value in (-1, 2**31)),
    *(("learning_rate", value, "a number over 0", {}) for value in (0.0, -0.1, INF, NAN)),
    *(("weight_decay", value, "0 or more", {}) for value in (-1e-4, INF, NAN)),
    *((name, value, "0 or more", {}) for value in (-0.1, INF, NAN)
      for name in ("l1_penalty", "clip_norm", "clip_value", "aux_weight")),
    ("micro_batches", 0, "1 or more", {}),
    ("micro_batches", 3, "a divisor of the 128 images of a device", {"virtual_devices": 2}),
    ("patience", -1, "0 or more", {}),
    ("micro_batches", 2, "1 with --sync_bn", {"sync_bn": True}),
    ("deterministic", True, "false with --xla=on: XLA has no reproducible gradient of "
     "max pooling", {"xla": "on"}),
    ("recompute", True, "false with --sync_bn", {"sync_bn": True}),
    ("recompute", True, "false with --aux_weight", {"aux_weight": 0.3}),
    *(("profile_steps", value, "two whole numbers FIRST,LAST with 0 <= FIRST < LAST", {})
      for value in ((5.0,), (5.0, 5.0), (-1.0, 3.0), (0.5, 2.0))),
    *(("class_weights", value, "balanced, or numbers of 0 or more joined by commas", {})
      for value in ("even", "1,", "1,-1", "1;2", "nan,1", "inf")),
    *(("train_sizes", value, "whole numbers of pixels", {}) for value in ((0.5,), (0.0, 224.0))),
    ("data_on_device", True, "false, or --crop_area=1,1 and no --scale_jitter: crops are made on "
     "the host", {}),
    ("data_service", "grpc://a:1", "none: with --data_on_device no images are read in training",
     {"data_on_device": True, "crop_area": (1, 1)}),
    ("train_sizes", (128.0,), "none: --scale_jitter is for one size",
     {"scale_jitter": (256.0, 480.0)}),
    ("train_sizes", (128.0,), "none: a --teacher is for one size", TEACHER),
    *(("temperature", value, "a number over 0", TEACHER) for value in (0.0, INF)),
    *(("hard_weight", value, "0 to less than 1", TEACHER)
      for value in (-0.1, 1.0, NAN)),
    ("teacher_model", "resnet18", "its default, '': there is no --teacher", {}),
    ("temperature", 4.0, "its default, 20.0: there is no --teacher", {}),
    ("hard_weight", 0.0, "its default, 0.5: there is no --teacher", {}),
    *(("label_smoothing", value, "0 to less than 1", {}) for value in (-0.1, 1.0, NAN)),
    *(("warmup_epochs", value, "0 to less than epochs=2, such as 0.2", {"epochs": 2})
      for value in (-1.0, 2.0, 3.0, INF, NAN)),
    ("batch_size", 10, "a multiple of virtual_devices=4", {"virtual_devices": 4}),
    ("precision", "float16", f"one of {list(PRECISIONS)}", {}),
    ("precision", "", f"one of {list(PRECISIONS)}", {}),
    ("xla", "yes", f"one of {list(XLA_MODES)}", {}),
    *(("name", value, "a name fit for a folder", {})
      for value in ("", "a/b", ".", "..", ".hidden", "a\nb", "a\0b")),
    ("channels", 2, "1 or 3", {}),
    ("channels", 0, "1 or 3", {"mean": (), "std": ()}),
    ("mean", (1.0,), "as many numbers as channels=3", {}),
    ("mean", (1.0, 2.0, 3.0), "as many numbers as channels=1", {**GREY}),
    ("std", (1.0,), "as many numbers as channels=3", {}),
    ("std", (), "as many numbers as channels=3", {}),
    *(("std", (1.0, value, 1.0), "numbers over 0", {}) for value in (0.0, -1.0)),
    *(("crop_area", value, f"{LOW_HIGH} <= 1", {})
      for value in ((), (0.5,), (0.1, 0.2, 0.3), (0.0, 1.0), (0.5, 0.2), (0.5, 1.1))),
    *(("crop_ratio", value, LOW_HIGH, {})
      for value in ((), (1.0,), (0.0, 1.0), (2.0, 1.0))),
    ("eval_resize", 223, "at least image_size=224", {}),
    *(("scale_jitter", value, "two numbers LOW,HIGH with image_size=224 <= LOW <= HIGH", {})
      for value in ((256.0,), (200.0, 256.0), (480.0, 256.0))),
    ("crop_area", (0.2, 1.0), "its default, (0.08, 1.0): --scale_jitter crops instead",
     {"scale_jitter": (256.0, 480.0)}),
    ("train_resizing", "cubic", f"one of {list(METHODS)}", {}),
    ("eval_resizing", "", f"one of {list(METHODS)}, or empty with --weights", {}),
    ("on_bad_image", "ignore", "one of ['fail', 'skip']", {}),
    ("orientation", "upright", "one of ['exif', 'ignored']", {}),
    *(("data_service", value, "grpc://HOST:PORT", {}) for value in ("localhost:1", "grpc://a")),
]


@pytest.mark.parametrize("name, value, expected, others", BAD)
def test_bad_values(name, value, expected, others):
    with pytest.raises(ValueError) as error:
        Recipe(**{**others, name: value})
    assert str(error.value) == f"--{name}: got {value!r}; expected {expected}"
    assert "\n" not in str(error.value)


NON_FINITE = [
    ("mean", (NAN, 1.0, 1.0)), ("mean", (1.0, INF, 1.0)), ("mean", (1.0, -INF, 1.0)),
    ("std", (1.0, 1.0, INF)), ("std", (1.0, NAN, 1.0)), ("crop_area", (NAN, 1.0)),
    ("crop_ratio", (1.0, INF)), ("crop_ratio", (NAN, NAN)),
]


@pytest.mark.parametrize("name, value", NON_FINITE)
def test_numbers_are_finite(name, value):
    with pytest.raises(ValueError, match=rf"^--{name}: got .*; expected "):
        Recipe(**{name: value})


@pytest.mark.parametrize("value", [(None, 1.0, 1.0), ("a", 1.0, 1.0), ("1", 1.0, 1.0),
                                   ((1.0,), 1.0, 1.0), (True, 1.0, 1.0), (10**400, 1.0, 1.0)])
def test_parts_that_are_no_numbers(value):
    with pytest.raises(ValueError, match=r"^--mean: got .*; expected ") as error:
        Recipe(mean=value)
    assert "\n" not in str(error.value)


# The parts that a recipe names are checked by those who know them; their message follows.
BAD_NAMES = [
    ("model", "resnet51", "did you mean 'resnet50'"),
    ("model", "", "unknown model ''"),
    ("model_options", "widht=2", "unknown option 'widht' for model 'resnet50'"),
    ("model_options", "2", "expected name=value pairs"),
    ("model_options", "width=open('x')", "cannot read"),
    ("data", "imagenet", "unknown data source, got 'imagenet'; expected one of: mnist5k"),
    ("data", "", "unknown data source"),
    ("data", "folder:", "folder needs a place"),
    ("data", "synthetic:classes=1", "out of range, got '1'; expected"),
    ("augment", "flop", "got operation 'flop'; expected some of ["),
    ("augment", "flip|", "cannot read 'flip|'"),
    ("schedule", "", "got ''; expected one name or call"),
    ("schedule", "cosine|constant", "got 'cosine|constant'; expected one name or call"),
    ("schedule", "step(30", "cannot read"),
    ("optimizer", "", "got ''; expected one name or call"),
    ("optimizer", "adam|sgd", "got 'adam|sgd'; expected one name or call"),
    ("averaging", "ema(", "cannot read"),
    ("teacher", "imagenet", "got weights='imagenet' without a model; expected an entry"),
    ("teacher", "timm:resnet999", "resnet999"),
    ("teacher", "nowhere.pth", "got weights='nowhere.pth'; expected one of"),
]


@pytest.mark.parametrize("name, value, part", BAD_NAMES)
def test_bad_names(name, value, part):
    with pytest.raises(ValueError) as error:
        Recipe(**{name: value})
    message = str(error.value)
    assert message.startswith(f"--{name}: ") and part in message and "\n" not in message


def test_options_are_those_of_the_recipes_model():
    assert Recipe(model="lenet5", model_options="pool='max'").model_options == "pool='max'"
    with pytest.raises(ValueError, match="^--model_options: unknown option 'pool'"):
        Recipe(model="resnet18", model_options="pool='max'")


WRONG_TYPES = {
    str: (None, 3, ("a",)),
    int: (None, "3", 3.0, True, (3,)),
    float: (None, "0.1", True, (0.1,)),
    bool: (None, "true", 1, 0),
    tuple: (None, "1,1", 1.0, [1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("name", FIELDS)
def test_wrong_types(name):
    kind = type(FIELDS[name].default)
    for value in WRONG_TYPES[kind]:
        with pytest.raises(ValueError) as error:
            Recipe(**{name: value})
        assert str(error.value) == (
            f"--{name}: got {value!r}; expected a value of type {kind.__name__}"
        )


def test_whole_numbers_become_floats():
    recipe = Recipe(learning_rate=1, warmup_epochs=5, crop_area=(1, 1), mean=(1, 2, 3))
    assert type(recipe.learning_rate) is float and recipe.learning_rate == 1.0
    assert type(recipe.warmup_epochs) is float
    assert [type(part) for part in (*recipe.crop_area, *recipe.mean)] == [float] * 5
    # so that a recipe written 1 and one written 1.0 are the same run
    assert recipe.to_json() == Recipe(
        learning_rate=1.0, warmup_epochs=5.0, crop_area=(1.0, 1.0), mean=(1.0, 2.0, 3.0)
    ).to_json()


def test_frozen():
    recipe = Recipe()
    for name in FIELDS:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(recipe, name, getattr(recipe, name))


def test_every_field_is_described():
    for field in FIELDS.values():
        assert field.metadata["help"].strip() and "\n" not in field.metadata["help"], field.name
        assert field.metadata["section"] in {
            "Model", "Data", "Transfer", "Optimisation", "Distillation", "Machine", "Output"
        }, field.name
        assert isinstance(field.metadata["changes_result"], bool)


POSITIVES = st.integers(1, 10**9)
RATES = st.floats(0, 1, exclude_max=True)
PIXELS = st.floats(-1e6, 1e6)


# An empty one means something else, and one of blanks alone is refused.
PATHS = st.text(max_size=10).filter(lambda text: not text or text.strip() and "\0" not in text)


@st.composite
def recipes(draw) -> Recipe:
    channels = draw(st.sampled_from([1, 3]))
    image_size = draw(st.integers(1, 5000))
    low, high = sorted(draw(st.tuples(*[st.floats(1e-6, 1)] * 2)))
    narrow, wide = sorted(draw(st.tuples(*[st.floats(1e-6, 1e6)] * 2)))
    epochs = draw(st.integers(1, 10_000))
    devices = draw(st.integers(1, 16))
    return Recipe(
        name=draw(st.from_regex(r"[a-zA-Z0-9_-][a-zA-Z0-9_. -]{0,20}", fullmatch=True)),
        model_options=draw(st.sampled_from(["", "zero_gamma=True", "dropout=0.25"])),
        data=draw(st.sampled_from(["mnist5k", "tfds:imagenet2012", "folder:/ä b/{c}"])),
        data_dir=draw(PATHS), run_dir=draw(PATHS),
        image_size=image_size, channels=channels, crop_area=(low, high),
        crop_ratio=(narrow, wide), eval_resize=image_size + draw(st.integers(0, 100)),
        mean=draw(st.tuples(*[PIXELS] * channels)),
        std=draw(st.tuples(*[st.floats(1e-6, 1e6)] * channels)),
        augment=draw(st.sampled_from(["", "flip|mixup(0.2)", "pad_crop(4)"])),
        batch_size=devices * draw(st.integers(1, 10**6)), virtual_devices=devices,
        epochs=epochs, learning_rate=draw(st.floats(1e-300, 1e300)),
        schedule=draw(st.sampled_from(["cosine", "constant", "step(3, factor=0.1)"])),
        warmup_epochs=draw(st.floats(0, epochs, exclude_max=True)),
        clip_norm=draw(RATES), weight_decay=draw(st.floats(0, 1e300)),
        bias_decay=draw(st.booleans()), label_smoothing=draw(RATES),
        seed=draw(st.integers(0, 2**31 - 1)), precision=draw(st.sampled_from(PRECISIONS)),
        xla=draw(st.sampled_from(XLA_MODES)), steps_per_call=draw(POSITIVES),
        export=draw(st.booleans()),
    )


@given(recipes())
def test_json_round_trip(recipe):
    text = recipe.to_json()
    read = from_json(text)
    assert read == recipe and read.to_json() == text
    assert set(json.loads(text)) == set(FIELDS)
    assert {type(getattr(read, name)) for name in ("mean", "std", "crop_area")} == {tuple}


def changed(**values) -> str:
    return json.dumps({**json.loads(Recipe().to_json()), **values})


GARBAGE = {
    "nothing": "",
    "no JSON": "recipe",
    "cut short": Recipe().to_json()[:-10],
    "null": "null",
    "number": "5",
    "text": '"abc"',
    "empty text": '""',
    "list": "[]",
    "list of pairs": '[["epochs", 3]]',
    "nested deeply": "[" * 100_000,
    "unknown field": changed(epoch=3),
    "text for a number": changed(epochs="3"),
    "number for a text": changed(model=3),
    "number for a flag": changed(export=1),
    "fraction for a whole number": changed(epochs=3.5),
    "null for a number": changed(learning_rate=None),
    "object for a list": changed(mean={"red": 1}),
    "list of texts": changed(mean=["a", "b", "c"]),
    "list of lists": changed(mean=[[1], [2], [3]]),
    "list of nulls": changed(mean=[None, None, None]),
    "huge number": changed(learning_rate=10**400),
    "huge number in a list": changed(mean=[10**400, 1, 1]),
    "NaN": changed(learning_rate=NAN),
    "value that cannot be": changed(l1_penalty=-1.5),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_json_that_is_no_recipe(name):
    with pytest.raises(ValueError) as error:
        from_json(GARBAGE[name], "runs/x/recipe.json")
    message = str(error.value)
    assert message.startswith("runs/x/recipe.json is not a recipe of this version: ")
    assert "\n" not in message


def test_json_with_an_unknown_field_names_it():
    with pytest.raises(ValueError, match=r"^recipe.json is not .*: unknown fields \['epoch'\]$"):
        from_json(changed(epoch=3))


def test_difference():
    assert Recipe().difference(Recipe()) == {}
    assert Recipe(epochs=3, mean=(1, 2, 3)).difference(Recipe(batch_size=8)) == {
        "mean": ((1.0, 2.0, 3.0), Recipe().mean), "epochs": (3, 120), "batch_size": (256, 8),
    }


def test_difference_in_what_is_written_does_not_change_the_result():
    written = {
        "cache_mb": 0, "steps_per_call": 3, "host_threads": 2, "run_dir": "x",
        "data_service": "grpc://a:1", "profile_steps": (1.0, 2.0), "evaluate_every": 5,
        "checkpoint_every": 7, "keep_checkpoints": 9, "export": False,
        "trust": "mine", "data_changed": "accept", "noise_scale": True,
    }
    here, there = Recipe(**written, seed=1), Recipe()
    assert here.difference(there, only_result=True) == {"seed": (1, 0)}
    assert set(here.difference(there)) == {*written, "seed"}
    there = Recipe(crop_area=(1, 1))
    here = dataclasses.replace(there, data_on_device=True)  # which excludes --data_service
    assert here.difference(there, only_result=True) == {} != here.difference(there)
    assert {"data_on_device", *written} == {
        name for name, f in FIELDS.items() if not f.metadata["changes_result"]
    }


def test_read_recipe(tmp_path):
    recipe = Recipe(epochs=7)
    (tmp_path / "recipe.json").write_text(recipe.to_json())
    assert read_recipe(tmp_path) == recipe
    older = json.loads(recipe.to_json())
    assert older.pop("orientation") == "exif"
    (tmp_path / "recipe.json").write_text(json.dumps(older))
    assert read_recipe(tmp_path) == from_json(json.dumps(older)) == dataclasses.replace(
        recipe, orientation="ignored"
    )
    for folder in (tmp_path / "none", tmp_path / "recipe.json"):
        with pytest.raises(ValueError, match=f"^{folder} holds no recipe.json; exp"):
            read_recipe(folder)
    (tmp_path / "recipe.json").write_text("{")
    with pytest.raises(ValueError, match=f"^{tmp_path}/recipe.json is not a recipe"):
        read_recipe(tmp_path)


@pytest.mark.parametrize("name, text", [
    ("model", "evil_package.nets:Tiny"), ("augment", "flip|evil_package:Tint(0.2)"),
    ("optimizer", "evil_package:lion(0.9)"), ("schedule", "evil_package.s:x"),
    ("loss", "evil_package:loss"), ("averaging", "evil_package:mean"),
    ("data", "evil_package:squares,count=3"),
])
def test_a_stranger_s_recipe_imports_nothing(name, text, tmp_path, monkeypatch):
    (tmp_path / "evil_package.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    fields = {**json.loads(Recipe().to_json()), name: text}
    with pytest.raises(ValueError, match="--trust=evil_package"):
        from_json(json.dumps(fields))
    with pytest.raises(ValueError, match="--trust=evil_package"):
        from_json(json.dumps(fields), trust=("another",))
    assert "evil_package" not in sys.modules
