"""That every flagfile goes with its recipes. A new one needs a row in FLAGFILES."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from zoo import cli
from zoo.augment import parse_policy
from zoo.cli import find_recipe
from zoo.core.averaging import make_average
from zoo.core.decay import Span
from zoo.core.optimizer import make_optimizer
from zoo.core.schedule import make_schedule
from zoo.recipe import Recipe

ROOT = Path(__file__).parents[2]
ON_DIGITS = ["lenet", "lenet5", "mlp"]
# Those that a batch of 1024 suits.
NORMALISED = [
    "densenet121", "inception_v3", "mobilenet_v1_100", "resnet18", "resnet50", "resnet50_v2",
    "resnet50d", "vgg16_bn",
]
ON_IMAGENET = [
    *NORMALISED, "alexnet", "efficientnet_lite0", "googlenet", "mobilenet_v2_100",
    "mobilenet_v3_large_100", "vgg16", "zfnet",
]
# arXiv 1812.01187, a trick a file: flagfile -> (the one that it is put on, what it changes).
MIXUP = {"augment": "flip|hsb(0.4)|lighting(0.1)|mixup(0.2)", "epochs": 200}
TRICKS = {
    "01_linear_scaling": ("00_baseline", {"batch_size": 1024}),
    "02_warmup": ("01_linear_scaling", {"warmup_epochs": 5.0}),
    "03_zero_gamma": ("02_warmup", {"model_options": "zero_gamma=True"}),
    "04_no_bias_decay": ("03_zero_gamma", {"bias_decay": False}),
    "05_float16": ("04_no_bias_decay", {"precision": "mixed_float16"}),
    "06_resnet50b": ("05_float16", {"model": "resnet50b"}),
    "07_resnet50c": ("06_resnet50b", {"model": "resnet50c"}),
    "08_resnet50d": ("07_resnet50c", {"model": "resnet50d"}),
    "09_cosine": ("08_resnet50d", {"schedule": "cosine"}),
    "10_label_smoothing": ("09_cosine", {"label_smoothing": 0.1}),
    # Temperature and share of the labels are the defaults of the fields.
    "11_distillation": ("10_label_smoothing", {"teacher": "timm:resnet152d.gluon_in1k"}),
    "12_mixup": ("10_label_smoothing", MIXUP),
    "13_distillation_mixup": ("11_distillation", MIXUP),
}
# flagfile -> the recipes that it is meant for
FLAGFILES = {
    "imagenet": ON_IMAGENET,
    "imagenet_1gpu": [*NORMALISED, "vgg16"],
    "imagenet_8gpu": NORMALISED,
    "fixres": ["resnet50"],
    "inception_v3_rmsprop": ["inception_v3"],
    "mnist": ON_DIGITS,
    "mnist_fast": ["lenet5"],
    "quickstart": ON_DIGITS,
    "ra_mobilenet_v3_large": ["mobilenet_v3_large_100"],
    **{f"rsb_{name}": ["resnet50"] for name in ("a1", "a2", "a3")},
    "smoke": ["resnet50d"],
    "tv2": ["resnet50"],
    "tv2_mobilenet_v2": ["mobilenet_v2_100"],
    **{f"tricks_{name}": ["resnet50", "resnet50d"] for name in ("00_baseline", *TRICKS)},
}


def test_each_flagfile_has_a_row():
    assert sorted(path.name for path in (ROOT / "recipes" / "flags").iterdir()) == sorted(
        f"{name}.flags" for name in FLAGFILES
    )


@pytest.mark.parametrize("name", [*ON_DIGITS, *ON_IMAGENET])
def test_those_that_a_recipe_names_are_meant_for_it(name):
    doc = importlib.import_module(f"recipes.{name}").__doc__
    for flagfile in re.findall(r"--flagfile=recipes/flags/(\S+)\.flags", doc):
        assert name in FLAGFILES[flagfile]


def lines_of(flagfile: str) -> dict[str, str]:
    """flag -> text, of a flagfile and those that it names, the later winning."""
    found: dict[str, str] = {}
    path = ROOT / flagfile if "/" in flagfile else ROOT / f"recipes/flags/{flagfile}.flags"
    for line in path.read_text().splitlines():
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
    recipe = cli.parse(find_recipe(name), ["program", f"--flagfile={path}"])
    lines = lines_of(path)
    assert lines
    one_by_one = cli.parse(
        find_recipe(name), ["program", *(f"--{flag}={text}" for flag, text in lines.items())]
    )
    assert recipe == one_by_one
    assert set(recipe.difference(find_recipe(name))) <= set(lines)
    parse_policy(recipe.augment)
    make_optimizer(recipe.optimizer, decoupled_decay=recipe.decoupled_decay)
    # Its epochs and those that schedule and average speak of go together.
    steps = recipe.epochs * 80
    schedule = make_schedule(
        recipe.schedule, peak=1.0, steps_per_epoch=80, epochs=recipe.epochs,
        warmup_epochs=recipe.warmup_epochs,
    )
    assert 0 < float(schedule(0)) <= 1
    assert float(schedule(steps - 1)) <= 1
    make_average(recipe.averaging, Span(80, round(80 * recipe.warmup_epochs), steps))


def with_flags(name: str, flagfile: str) -> Recipe:
    lines = lines_of(f"recipes/flags/{flagfile}.flags")
    return cli.parse(find_recipe(name), ["program", *(
        f"--{flag}={text}" for flag, text in lines.items()
    )])


def test_the_ready_made_runs():
    eight = with_flags("resnet50d", "imagenet_8gpu")
    assert (eight.batch_size, eight.warmup_epochs, eight.precision) == (1024, 5, "mixed_float16")
    one = with_flags("resnet50", "imagenet_1gpu")
    assert (one.batch_size, one.precision, one.data) == (256, "mixed_float16", "tfds:imagenet2012")
    changed = with_flags("lenet5", "quickstart").difference(find_recipe("lenet5"))
    assert changed == {"epochs": (30, 20), "keep": ("best", "last")}
    smoke = with_flags("resnet50d", "smoke")
    assert smoke.data.startswith("folder:") and smoke.image_size <= 64 and smoke.epochs <= 3
    # arXiv 1512.00567, section 8; tensorflow/models, research/inception.
    original = with_flags("inception_v3", "inception_v3_rmsprop")
    assert {name: new for name, (new, _) in original.difference(find_recipe("inception_v3")).items()
            } == {
        "crop_area": (0.05, 1.0), "augment": "flip|jitter(0.125, 0.5, 0.5, 0.4)",
        "optimizer": "rmsprop(rho=0.9, momentum=0.9, epsilon=1.0, initial=1)",
        "learning_rate": 0.045,
        "batch_size": 32, "base_batch_size": 32, "schedule": f"exponential({0.94 ** 0.5:.5f})",
        "warmup_epochs": 0.0, "epochs": 100, "clip_norm": 2.0, "weight_decay": 4e-5,
        "aux_weight": 0.4, "averaging": "ema(decay=0.9999)",
    }


@pytest.mark.parametrize("trick", TRICKS)
def test_each_trick_is_one_change(trick):
    before, changes = TRICKS[trick]
    recipe = with_flags("resnet50", f"tricks_{trick}")
    difference = recipe.difference(with_flags("resnet50", f"tricks_{before}"))
    assert {name: new for name, (new, _) in difference.items()} == changes


def test_the_first_and_the_last_trick_are_recipes():
    assert with_flags("resnet50d", "tricks_00_baseline").difference(find_recipe("resnet50")) == {
        "name": ("resnet50d", "resnet50"),
    }
    assert with_flags("resnet50", "tricks_12_mixup").difference(find_recipe("resnet50d")) == {
        "name": ("resnet50", "resnet50d"), "precision": ("mixed_float16", "float32"),
    }
