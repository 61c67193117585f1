"""The numbers of every recipe, with their source. A new recipe needs a row in RECIPES."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import pytest

from zoo.cli import find_recipe
from zoo.models import family_of
from zoo.recipe import Recipe
from zoo.train.parts import build_model

FILES = sorted(
    path.stem for path in (Path(__file__).parents[2] / "recipes").glob("*.py")
    if path.stem != "__init__"
)

# arXiv 1812.01187, section 2.1: batch, epochs, rate and its steps, decay; "Training Procedure"
# for the crops.
BASELINE = {
    "batch_size": 256, "epochs": 120, "learning_rate": 0.1, "base_batch_size": 256,
    "schedule": "step(30, 60, 90, factor=0.1)", "warmup_epochs": 0.0, "optimizer": "nesterov(0.9)",
    "weight_decay": 1e-4, "bias_decay": True, "label_smoothing": 0.0,
    "augment": "flip|hsb(0.4)|lighting(0.1)", "model_options": "",
}
# GluonCV's train_imagenet.py, for all that a logged command leaves out; 0.4 for 8 GPUs with 128
# images each is 0.1 for 256.
GLUONCV = {
    **BASELINE, "augment": "flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)", "batch_size": 1024,
    "schedule": "cosine", "warmup_epochs": 5.0,
}
# --mixup --no-wd --label-smoothing, with 200 epochs
GLUONCV_MIXUP = {
    **GLUONCV, "augment": "flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)|mixup(0.2)", "epochs": 200,
    "bias_decay": False, "label_smoothing": 0.1,
}
IMAGENET = {
    "data": "tfds:imagenet2012", "image_size": 224, "eval_resize": 256, "channels": 3,
    "crop_area": (0.08, 1.0), "crop_ratio": (3 / 4, 4 / 3),
    "mean": (123.68, 116.779, 103.939), "std": (58.393, 57.12, 57.375),
}
# Krizhevsky et al. 2012, sections 2, 4.1 and 5; VGG (arXiv 1409.1556, section 3.1) and ZFNet (arXiv
# 1311.2901, section 3) follow it. The patience is nobody's.
ALEXNET = {
    "data": "tfds:imagenet2012", "image_size": 224, "eval_resize": 256, "channels": 3,
    "scale_jitter": (256.0, 256.0), "mean": (123.68, 116.779, 103.939), "std": (1.0, 1.0, 1.0),
    "augment": "flip|lighting(0.1)", "batch_size": 128, "base_batch_size": 128,
    "learning_rate": 0.01, "schedule": "plateau(factor=0.1, patience=3)", "warmup_epochs": 0.0,
    "optimizer": "momentum(0.9)", "weight_decay": 5e-4, "bias_decay": False,
    "label_smoothing": 0.0, "model_options": "",
}
# 28x28 pixels as they are; MNIST's mean and deviation are 33.3 and 78.6 levels.
DIGITS = {
    "data": "mnist5k", "image_size": 28, "eval_resize": 28, "channels": 1,
    "crop_area": (1.0, 1.0), "mean": (33.3,), "std": (78.6,),
    "batch_size": 128, "base_batch_size": 128, "epochs": 20, "schedule": "cosine",
    "warmup_epochs": 0.5, "optimizer": "nesterov(0.9)", "weight_decay": 5e-4, "bias_decay": False,
    "label_smoothing": 0.0,
}
RECIPES = {
    "alexnet": {**ALEXNET, "model": "alexnet", "epochs": 90},
    # arXiv 1608.06993, sections 4.1 and 4.2; augmentation: fb.resnet.torch, datasets/imagenet.lua.
    "densenet121": {
        **IMAGENET, **BASELINE, "model": "densenet121",
        "model_options": "kernel_initializer=msra", "epochs": 90,
        "schedule": "step(30, 60, factor=0.1)",
        "augment": "flip|jitter(0.4, 0.4, 0.4)|lighting(0.1)",
    },
    # arXiv 1905.11946, section 5.2; tensorflow/tpu, models/official/efficientnet: main.py, utils.py
    # and lite/efficientnet_lite_builder.py.
    "efficientnet_lite0": {
        **IMAGENET, "model": "efficientnet_lite0",
        "model_options": "dropout=0.2, stochastic_depth=0.2, bn_momentum=0.99",
        "mean": (127.0,) * 3, "std": (128.0,) * 3, "augment": "flip|auto_augment",
        "batch_size": 4096, "base_batch_size": 4096, "epochs": 350, "learning_rate": 0.256,
        "schedule": f"exponential({0.97 ** (1 / 2.4):.5f})", "warmup_epochs": 5.0,
        "optimizer": "rmsprop(rho=0.9, momentum=0.9, epsilon=0.001, initial=1)",
        "weight_decay": 1e-5,
        "bias_decay": False, "label_smoothing": 0.1, "averaging": "ema(decay=0.9999)",
    },
    # No paper's: chosen on 200 digits as pictures, docs/measurements/fine_tuning.md.
    "finetune": {
        "model": "efficientnet_lite0", "model_options": "", "weights": "imagenet",
        "mean": (), "std": (), "data": "folder:photos", "image_size": 224, "eval_resize": 256,
        "eval_resizing": "",
        "channels": 3, "crop_area": (0.35, 1.0), "augment": "flip", "batch_size": 32,
        "base_batch_size": 32, "epochs": 10, "frozen_epochs": 4.0, "freeze_bn": True,
        "unfrozen_rate": 0.1, "learning_rate": 0.02, "schedule": "cosine", "warmup_epochs": 0.5,
        "optimizer": "nesterov(0.9)", "weight_decay": 1e-4, "label_smoothing": 0.1,
        "keep": "best",
    },
    # arXiv 1409.4842, sections 5 and 6; BVLC/caffe, models/bvlc_googlenet/solver.prototxt; colours:
    # arXiv 1312.5402, section 2.2.
    "googlenet": {
        **IMAGENET, "model": "googlenet", "model_options": "", "aux_weight": 0.3,
        "std": (1.0, 1.0, 1.0), "augment": "flip|jitter(0.5, 0.5, 0.5)|lighting(0.1)",
        "batch_size": 32, "base_batch_size": 32, "epochs": 250, "learning_rate": 0.01,
        "schedule": f"exponential({0.96 ** (1 / 8):.5f})", "warmup_epochs": 0.0,
        "optimizer": "momentum(0.9)", "weight_decay": 2e-4, "bias_decay": False,
        "label_smoothing": 0.0, "averaging": "ema(decay=0.9999)",
    },
    # dmlc/web-data, inceptionv3-mixup.log; 299 / 0.875, rounded up.
    "inception_v3": {
        **IMAGENET, **GLUONCV_MIXUP, "model": "inception_v3", "image_size": 299,
        "eval_resize": 342,
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
    # dmlc/web-data, mobilenet1.0.log
    "mobilenet_v1_100": {**IMAGENET, **GLUONCV_MIXUP, "model": "mobilenet_v1_100"},
    # arXiv 1801.04381, section 6.1; epsilon: TF-Slim's train_image_classifier.py; epochs:
    # pytorch/vision, references/classification.
    "mobilenet_v2_100": {
        **IMAGENET, "model": "mobilenet_v2_100", "model_options": "", "augment": "flip",
        "batch_size": 96, "base_batch_size": 96, "epochs": 300, "learning_rate": 0.045,
        "schedule": "exponential(0.98)", "warmup_epochs": 0.0,
        "optimizer": "rmsprop(rho=0.9, momentum=0.9, epsilon=1.0, initial=1)", "weight_decay": 4e-5,
        "bias_decay": False, "label_smoothing": 0.0,
    },
    # arXiv 1905.02244, section 6.1; crops and colours: TF-Slim's inception_preprocessing.py (a
    # fifth of a turn, 32 of 255 levels); epsilon and warmup as for EfficientNet; epochs as above.
    "mobilenet_v3_large_100": {
        **IMAGENET, "model": "mobilenet_v3_large_100",
        "model_options": "dropout=0.2, bn_momentum=0.99", "crop_area": (0.05, 1.0),
        "augment": "flip|jitter(0.125, 0.5, 0.5, 0.4)", "batch_size": 4096,
        "base_batch_size": 4096, "epochs": 600, "learning_rate": 0.1,
        "schedule": f"exponential({0.99 ** (1 / 3):.5f})", "warmup_epochs": 5.0,
        "optimizer": "rmsprop(rho=0.9, momentum=0.9, epsilon=0.001, initial=1)",
        "weight_decay": 1e-5,
        "bias_decay": False, "label_smoothing": 0.0, "averaging": "ema(decay=0.9999)",
    },
    "resnet18": {**IMAGENET, **BASELINE, "model": "resnet18"},
    "resnet50": {**IMAGENET, **BASELINE, "model": "resnet50"},
    # dmlc/web-data, resnet50_v2.sh
    "resnet50_v2": {**IMAGENET, **GLUONCV, "model": "resnet50_v2"},
    # arXiv 1812.01187: section 3.1 (batch 1024, rate 0.4, 5 epochs of warmup, zero gamma, no bias
    # decay), 4.2 (the D variant), 5 (cosine, smoothing 0.1, mixup 0.2, 200 epochs).
    "resnet50d": {
        **IMAGENET, **BASELINE, "model": "resnet50d", "model_options": "zero_gamma=True",
        "batch_size": 1024, "epochs": 200, "schedule": "cosine", "warmup_epochs": 5.0,
        "bias_decay": False, "label_smoothing": 0.1,
        "augment": "flip|hsb(0.4)|lighting(0.1)|mixup(0.2)",
    },
    "vgg16": {
        **ALEXNET, "model": "vgg16", "epochs": 74, "batch_size": 256, "base_batch_size": 256,
    },
    # dmlc/web-data, vgg16_bn.sh
    "vgg16_bn": {
        **IMAGENET, **GLUONCV, "model": "vgg16_bn", "batch_size": 256, "epochs": 100,
        "learning_rate": 0.01, "schedule": "step(50, 80, factor=0.1)", "warmup_epochs": 0.0,
    },
    "zfnet": {**ALEXNET, "model": "zfnet", "epochs": 70, "augment": "flip"},
}


def asks_for_something(recipe: Recipe) -> bool:
    """Whether its model is another than what tests/models builds of each name."""
    shape = (recipe.image_size, recipe.image_size, recipe.channels)
    family = importlib.import_module(f"zoo.models.{family_of(recipe.model)}")
    return bool(
        recipe.model_options or recipe.aux_weight
        or shape != family.MODELS[recipe.model].input_shape
    )


def test_each_recipe_has_a_row():
    assert FILES == sorted(RECIPES)


@pytest.mark.parametrize("name", FILES)
def test_numbers(name):
    values = dataclasses.asdict(find_recipe(name))
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
    commands = re.findall(r"python -m (\S+)", module.__doc__)
    assert commands and set(commands) == {f"recipes.{name}"}
    # It says what was reached, or that nobody has measured it yet.
    assert re.search(r"[Mm]easured", module.__doc__)


@pytest.mark.parametrize("name", [
    name for name in FILES if asks_for_something(find_recipe(name))
])
def test_what_a_recipe_asks_for_can_be_built(name):
    recipe = find_recipe(name)
    model = build_model(recipe, 7)
    assert [output.shape for output in model.outputs] == [(None, 7)] * len(model.outputs)
    assert (len(model.outputs) > 1) == (recipe.aux_weight > 0)
