"""Which values a recipe may have: a ValueError of one line for each that it may not."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.augment import check_policy
from zoo.data import check_spec
from zoo.data.bad_images import CHOICES
from zoo.data.host_ops import CHOICES as HOST_OPS
from zoo.data.resize import METHODS
from zoo.models import check_model
from zoo.spec import parse_call, parse_options
from zoo.weights.create import check_weights, model_of

if TYPE_CHECKING:
    from zoo.recipe import Recipe

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
XLA_MODES = ("auto", "on", "off")


def as_kind(name: str, value: object, kind: type) -> object:
    """`value` as the type that its field has: an integer is a number too.

    Raises ValueError for another type, or a number that is not finite.
    """
    if kind is float and type(value) is int:
        _expect(name, value, _is_finite(value), "a finite number")
        return float(value)
    if kind is tuple and isinstance(value, tuple):
        good = all(type(part) in (int, float) and _is_finite(part) for part in value)
        _expect(name, value, good, "finite numbers")
        return tuple(float(part) for part in value)
    _expect(name, value, type(value) is kind, f"a value of type {kind.__name__}")
    return value


def check(recipe: Recipe) -> None:
    """Raises ValueError for the first field whose value cannot be."""
    for check_some in (_check_numbers, _check_names, _check_data, _check_transfer,
                       _check_distillation, _check_class_weights):
        check_some(recipe)


def _check_numbers(recipe: Recipe) -> None:
    expect = _expecting(recipe)
    for name in ("image_size", "eval_resize", "batch_size", "epochs", "base_batch_size",
                 "virtual_devices", "steps_per_call", "evaluate_every", "checkpoint_every",
                 "keep_checkpoints"):
        expect(name, getattr(recipe, name) >= 1, "1 or more")
    for name in ("host_threads", "cache_mb", "train_images"):
        expect(name, getattr(recipe, name) >= 0, "0 or more")
    expect("seed", 0 <= recipe.seed < 2**31, "0 to 2147483647")  # int32 in the step
    expect("learning_rate", 0 < recipe.learning_rate < math.inf, "a number over 0")
    expect("weight_decay", 0 <= recipe.weight_decay < math.inf, "0 or more")
    for name in ("l1_penalty", "clip_norm", "clip_value", "aux_weight"):
        expect(name, 0 <= getattr(recipe, name) < math.inf, "0 or more")
    expect("micro_batches", recipe.micro_batches >= 1, "1 or more")
    expect("patience", recipe.patience >= 0, "0 or more")
    expect("label_smoothing", 0 <= recipe.label_smoothing < 1, "0 to less than 1")
    expect(
        "warmup_epochs", 0 <= recipe.warmup_epochs < recipe.epochs,
        f"0 to less than epochs={recipe.epochs}",
    )
    expect(
        "batch_size", recipe.batch_size % recipe.virtual_devices == 0,
        f"a multiple of virtual_devices={recipe.virtual_devices}",
    )
    expect("micro_batches", not (recipe.sync_bn and recipe.micro_batches > 1), "1 with --sync_bn")
    expect("recompute", not (recipe.recompute and recipe.sync_bn), "false with --sync_bn")
    expect(
        "recompute", not (recipe.recompute and recipe.aux_weight), "false with --aux_weight"
    )
    first_last = recipe.profile_steps
    expect(
        "profile_steps", not first_last or len(first_last) == 2 and
        all(step == int(step) for step in first_last) and 0 <= first_last[0] < first_last[1],
        "two whole numbers FIRST,LAST with 0 <= FIRST < LAST",
    )
    rows = recipe.batch_size // recipe.virtual_devices
    expect(
        "micro_batches", rows % recipe.micro_batches == 0,
        f"a divisor of the {rows} images of a device",
    )


def _check_names(recipe: Recipe) -> None:
    expect = _expecting(recipe)
    expect("precision", recipe.precision in PRECISIONS, f"one of {list(PRECISIONS)}")
    expect("xla", recipe.xla in XLA_MODES, f"one of {list(XLA_MODES)}")
    expect("host_ops", recipe.host_ops in HOST_OPS, f"one of {list(HOST_OPS)}")
    expect(
        "name", recipe.name.isprintable() and recipe.name and "/" not in recipe.name
        and not recipe.name.startswith("."),
        "a name fit for a folder",
    )
    for name, check in (
        ("model", check_model),
        ("model_options", lambda text: check_model(recipe.model, parse_options(text))),
        ("weights", lambda text: text and check_weights(text, recipe.model)),
        ("data", check_spec),
        ("augment", lambda text: check_policy(text, recipe.channels)),
        ("schedule", parse_call),
        ("loss", parse_call),
        ("optimizer", parse_call),
        ("averaging", lambda text: text and parse_call(text)),
    ):
        try:
            check(getattr(recipe, name))
        except ValueError as error:
            raise ValueError(f"--{name}: {error}") from None


def _check_data(recipe: Recipe) -> None:
    expect = _expecting(recipe)
    expect("channels", recipe.channels in (1, 3), "1 or 3")
    for name in ("mean", "std"):
        values = getattr(recipe, name)
        theirs = recipe.weights and not (recipe.mean or recipe.std)
        expect(
            name, theirs or len(values) == recipe.channels,
            f"as many numbers as channels={recipe.channels}",
        )
    expect("std", all(value > 0 for value in recipe.std), "numbers over 0")
    expect("train_resizing", recipe.train_resizing in METHODS, f"one of {list(METHODS)}")
    expect(
        "eval_resizing", recipe.eval_resizing in METHODS or recipe.weights and
        not recipe.eval_resizing, f"one of {list(METHODS)}, or empty with --weights",
    )
    expect("on_bad_image", recipe.on_bad_image in CHOICES, f"one of {list(CHOICES)}")
    expect(
        "data_service", re.fullmatch(r"(grpc://[^/:]+:\d+)?", recipe.data_service) is not None,
        "grpc://HOST:PORT",
    )
    expect(
        "data_service", not (recipe.data_service and recipe.data_on_device),
        "none: with --data_on_device no images are read in training",
    )
    _check_crop(recipe)
    expect(
        "data_on_device",
        not recipe.data_on_device or recipe.crop_area == (1, 1) and not recipe.scale_jitter,
        "false, or --crop_area=1,1 and no --scale_jitter: crops are made on the host",
    )
    expect(
        "train_sizes", all(side >= 1 and side == int(side) for side in recipe.train_sizes),
        "whole numbers of pixels",
    )
    expect(
        "train_sizes", not (recipe.train_sizes and recipe.scale_jitter),
        "none: --scale_jitter is for one size",
    )
    expect(
        "train_sizes", not (recipe.train_sizes and recipe.teacher),
        "none: a --teacher is for one size",
    )
    expect(
        "eval_resize", recipe.eval_resize >= recipe.image_size,
        f"at least image_size={recipe.image_size}",
    )


def _check_crop(recipe: Recipe) -> None:
    expect = _expecting(recipe)
    area, ratio, jitter = recipe.crop_area, recipe.crop_ratio, recipe.scale_jitter
    expect(
        "crop_area", len(area) == 2 and 0 < area[0] <= area[1] <= 1,
        "two numbers LOW,HIGH with 0 < LOW <= HIGH <= 1",
    )
    expect(
        "crop_ratio", len(ratio) == 2 and 0 < ratio[0] <= ratio[1] < math.inf,
        "two numbers LOW,HIGH with 0 < LOW <= HIGH",
    )
    if jitter:
        expect(
            "scale_jitter", len(jitter) == 2 and recipe.image_size <= jitter[0] <= jitter[1],
            f"two numbers LOW,HIGH with image_size={recipe.image_size} <= LOW <= HIGH",
        )
        defaults = _defaults(recipe)
        for name in ("crop_area", "crop_ratio"):
            expect(
                name, getattr(recipe, name) == defaults[name],
                f"its default, {defaults[name]}: --scale_jitter crops instead",
            )


def _check_transfer(recipe: Recipe) -> None:
    expect = _expecting(recipe)
    expect(
        "frozen_epochs", 0 <= recipe.frozen_epochs < recipe.epochs,
        f"0 to less than epochs={recipe.epochs}",
    )
    for name in ("unfrozen_rate", "stage_decay"):
        expect(name, 0 < getattr(recipe, name) <= 1, "a number over 0, up to 1")
    learns = recipe.trainable in ("all", "head") or re.fullmatch(r"from:\w+", recipe.trainable)
    expect("trainable", bool(learns), "all, head, or from:STAGE, as from:stage4")
    if not recipe.weights:
        expect("frozen_epochs", recipe.frozen_epochs == 0, "0: there are no --weights")
        expect("trainable", recipe.trainable == "all", "all: there are no --weights")
        expect("freeze_bn", not recipe.freeze_bn, "false: there are no --weights")
    if recipe.trainable == "head":
        expect("frozen_epochs", recipe.frozen_epochs == 0, "0 with --trainable=head")
        expect("stage_decay", recipe.stage_decay == 1, "1 with --trainable=head")
        expect("freeze_bn", not recipe.freeze_bn, "false with --trainable=head: all are frozen")
    if recipe.frozen_epochs == 0:
        expect(
            "unfrozen_rate", recipe.unfrozen_rate == 0.1,
            "its default, 0.1: there are no --frozen_epochs",
        )


def _check_distillation(recipe: Recipe) -> None:
    expect = _expecting(recipe)
    expect("temperature", 0 < recipe.temperature < math.inf, "a number over 0")
    expect("hard_weight", 0 <= recipe.hard_weight < 1, "0 to less than 1")
    if not recipe.teacher:
        for name in ("teacher_model", "temperature", "hard_weight"):
            default = _defaults(recipe)[name]
            expect(
                name, getattr(recipe, name) == default, f"{default!r}: there is no --teacher"
            )
        return
    for name, check in (
        ("teacher_model", lambda text: text and check_model(text)),
        ("teacher", lambda text: _check_teacher(text, recipe.teacher_model)),
    ):
        try:
            check(getattr(recipe, name))
        except ValueError as error:
            raise ValueError(f"--{name}: {error}") from None


def _check_teacher(weights: str, name: str) -> None:
    if name:
        check_weights(weights, name)
    elif not (Path(weights) / "recipe.json").is_file():  # a run's folder says what it is
        model_of(weights)


def _check_class_weights(recipe: Recipe) -> None:
    text = recipe.class_weights
    if text in ("", "balanced"):
        return
    try:
        good = all(0 <= float(part) < math.inf for part in text.split(","))
    except ValueError:
        good = False
    _expect("class_weights", text, good, "balanced, or numbers of 0 or more joined by commas")


def _defaults(recipe: Recipe) -> dict[str, object]:
    return {field.name: field.default for field in dataclasses.fields(recipe)}


def _expecting(recipe: Recipe) -> Callable[[str, bool, str], None]:
    """`expect(field, good, what was expected)` for the values of `recipe`."""
    return lambda name, good, expected: _expect(name, getattr(recipe, name), good, expected)


def _expect(name: str, value: object, good: bool, expected: str) -> None:
    if not good:
        raise ValueError(f"--{name}: got {value!r}; expected {expected}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond float64
        return False
