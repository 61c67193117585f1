"""The numbers of every recipe, with their source, and that every flagfile goes with its recipes.

A new recipe needs a row in RECIPES, a new flagfile one in FLAGFILES.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import pytest

from zoo import cli
from zoo.models import create_model
from zoo.recipe import Recipe
from zoo.spec import parse_options
from zoo.train.schedule import make_schedule

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path.stem for path in (ROOT / "recipes").glob("*.py") if path.stem != "__init__"
)

# arXiv 1812.01187, section 2.1: batch, epochs, rate and its steps, decay; "Training Procedure"
# for the crops.
BASELINE = {
    "batch_size": 256, "epochs": 120, "learning_rate": 0.1, "base_batch_size": 256,
    "schedule": "step(30, 60, 90, factor=0.1)", "warmup_epochs": 0.0, "momentum": 0.9,
    "weight_decay": 1e-4, "bias_decay": True, "label_smoothing": 0.0, "augment": "flip",
    "model_options": "",
}
IMAGENET = {
    "data": "tfds:imagenet2012", "image_size": 224, "eval_resize": 256, "channels": 3,
    "crop_area": (0.08, 1.0), "crop_ratio": (3 / 4, 4 / 3),
    "mean": (123.68, 116.779, 103.939), "std": (58.393, 57.12, 57.375),
}
# 28x28 pixels as they are; MNIST's mean and deviation are 33.3 and 78.6 levels.
DIGITS = {
    "data": "mnist5k", "image_size": 28, "eval_resize": 28, "channels": 1,
    "crop_area": (1.0, 1.0), "mean": (33.3,), "std": (78.6,),
    "batch_size": 128, "base_batch_size": 128, "epochs": 20, "schedule": "cosine",
    "warmup_epochs": 0.5, "momentum": 0.9, "weight_decay": 5e-4, "bias_decay": False,
    "label_smoothing": 0.0,
}
RECIPES = {
    # No paper's: chosen on 200 digits as pictures, BUILD_NOTES.md, "Fine-tuning".
    "finetune": {
        "model": "efficientnet_lite0", "model_options": "", "weights": "imagenet",
        "mean": (), "std": (), "data": "folder:photos", "image_size": 224, "eval_resize": 256,
        "eval_resizing": "",
        "channels": 3, "crop_area": (0.35, 1.0), "augment": "flip", "batch_size": 32,
        "base_batch_size": 32, "epochs": 10, "frozen_epochs": 4.0, "freeze_bn": True,
        "unfrozen_rate": 0.1, "learning_rate": 0.02, "schedule": "cosine", "warmup_epochs": 0.5,
        "momentum": 0.9, "weight_decay": 1e-4, "label_smoothing": 0.1,
    },
    "lenet": {
        **DIGITS, "model": "lenet", "model_options": "dropout=0.3", "learning_rate": 0.05,
        "augment": "pad_crop(2)",
    },
    "lenet5": {
        **DIGITS, "model": "lenet5", "model_options": "", "learning_rate": 0.1,
        "augment": "pad_crop(2)",
    },
    "mlp": {
        **DIGITS, "model": "mlp", "model_options": "dropout=0.2", "learning_rate": 0.05,
        "augment": "pad_crop(1)",
    },
    "resnet18": {**IMAGENET, **BASELINE, "model": "resnet18"},
    "resnet50": {**IMAGENET, **BASELINE, "model": "resnet50"},
    # arXiv 1812.01187: section 3.1 (batch 1024, rate 0.4, 5 epochs of warmup, zero gamma, no bias
    # decay), 4.2 (the D variant), 5 (cosine, smoothing 0.1, mixup 0.2, 200 epochs).
    "resnet50d": {
        **IMAGENET, **BASELINE, "model": "resnet50d", "model_options": "zero_gamma=True",
        "batch_size": 1024, "epochs": 200, "schedule": "cosine", "warmup_epochs": 5.0,
        "bias_decay": False, "label_smoothing": 0.1, "augment": "flip|mixup(0.2)",
    },
}

ON_DIGITS = ["lenet", "lenet5", "mlp"]
ON_IMAGENET = ["resnet18", "resnet50", "resnet50d"]
# flagfile -> the recipes that it is meant for
FLAGFILES = {
    "imagenet": ON_IMAGENET,
    "imagenet_1gpu": ON_IMAGENET,
    "imagenet_8gpu": ON_IMAGENET,
    "mnist": ON_DIGITS,
    "mnist_fast": ["lenet5"],
    "quickstart": ON_DIGITS,
    "smoke": ["resnet50d"],
}


def recipe_of(name: str) -> Recipe:
    return importlib.import_module(f"recipes.{name}").RECIPE


def test_each_recipe_and_flagfile_has_a_row():
    assert FILES == sorted(RECIPES)
    folder = ROOT / "recipes" / "flags"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{name}.flags" for name in sorted(FLAGFILES)
    ]


@pytest.mark.parametrize("name", FILES)
def test_numbers(name):
    values = dataclasses.asdict(recipe_of(name))
    assert {field: values[field] for field in RECIPES[name]} == RECIPES[name]
    # what is not in the row is left as it is in every recipe
    left = {
        field for field, value in values.items()
        if field not in RECIPES[name] and value != getattr(Recipe(), field)
    }
    assert left <= {"name"}


@pytest.mark.parametrize("name", FILES)
def test_file(name):
    module = importlib.import_module(f"recipes.{name}")
    assert module.RECIPE.name == name
    assert name in (module.RECIPE.model, "finetune")
    commands = re.findall(r"python -m (\S+)(?: --flagfile=(\S+))?", module.__doc__)
    assert commands and {command for command, _ in commands} == {f"recipes.{name}"}
    for _, flagfile in commands:
        if flagfile:
            assert (ROOT / flagfile).is_file()
            assert name in FLAGFILES[Path(flagfile).stem]
    # It says what was reached, or that nobody has measured it yet.
    assert re.search(r"[Mm]easured", module.__doc__)


@pytest.mark.parametrize("name", FILES)
def test_what_a_recipe_names_can_be_built(name):
    recipe = recipe_of(name)
    model = create_model(
        recipe.model, num_classes=7,
        input_shape=(recipe.image_size, recipe.image_size, recipe.channels),
        **parse_options(recipe.model_options),
    )
    assert model.output_shape == (None, 7)


def lines_of(flagfile: str) -> dict[str, str]:
    """flag -> text, of a flagfile and those that it names, the later winning."""
    found: dict[str, str] = {}
    for line in (ROOT / flagfile).read_text().splitlines():
        if line.startswith("--"):
            name, _, text = line.removeprefix("--").partition("=")
            found.update(lines_of(text) if name == "flagfile" else {name: text})
    return found


@pytest.mark.parametrize("flagfile, name", [
    (flagfile, name) for flagfile, names in FLAGFILES.items() for name in names
])
def test_flagfile(flagfile, name, monkeypatch):
    monkeypatch.chdir(ROOT)  # where the docstrings' commands are typed
    path = f"recipes/flags/{flagfile}.flags"
    recipe = cli.parse(recipe_of(name), ["program", f"--flagfile={path}"])
    lines = lines_of(path)
    assert lines
    one_by_one = cli.parse(
        recipe_of(name), ["program", *(f"--{flag}={text}" for flag, text in lines.items())]
    )
    assert recipe == one_by_one
    assert set(recipe.difference(recipe_of(name))) <= set(lines)
    # Its epochs and those that the schedule speaks of go together.
    schedule = make_schedule(
        recipe.schedule, peak=1.0, steps_per_epoch=80, epochs=recipe.epochs,
        warmup_epochs=recipe.warmup_epochs,
    )
    assert 0 < float(schedule(0)) <= 1


def test_the_ready_made_runs():
    def with_flags(name: str, flagfile: str) -> Recipe:
        path = ROOT / "recipes" / "flags" / f"{flagfile}.flags"
        return cli.parse(recipe_of(name), ["program", *(
            f"--{flag}={text}" for flag, text in lines_of(str(path)).items()
        )])

    eight = with_flags("resnet50d", "imagenet_8gpu")
    assert (eight.batch_size, eight.warmup_epochs, eight.precision) == (1024, 5, "mixed_float16")
    one = with_flags("resnet50", "imagenet_1gpu")
    assert (one.batch_size, one.precision, one.data) == (256, "mixed_float16", "tfds:imagenet2012")
    changed = with_flags("lenet5", "quickstart").difference(recipe_of("lenet5"))
    assert changed == {"epochs": (30, 20)}
    smoke = with_flags("resnet50d", "smoke")
    assert smoke.data.startswith("folder:") and smoke.image_size <= 64 and smoke.epochs <= 3
