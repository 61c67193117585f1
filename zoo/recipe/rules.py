"""Rules between the fields of a recipe: a ValueError of one line for each that is broken."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo.augment import check_policy
from zoo.core.averaging import check_average
from zoo.core.optimizer import check_optimizer, evaluates_elsewhere
from zoo.core.schedule import check_schedule
from zoo.data.methods import METHODS
from zoo.models import check_model
from zoo.recipe import checks
from zoo.spec import parse_options
from zoo.weights.origin import check_weights, model_of

if TYPE_CHECKING:
    from zoo.recipe import Recipe


def check(recipe: Recipe, *, origins: bool = True) -> None:
    """Raises ValueError for the first field whose value cannot be with the others.

    origins: whether the weights that the run begins with, and its teacher, have to be there.
    """
    for check_some in (_check_model, _check_steps, _check_images, _check_crop, _check_sizes,
                       _check_transfer, _check_distillation, *[_check_origins] * origins):
        check_some(recipe, _Expecting(recipe))


@contextlib.contextmanager
def named(field: str) -> Iterator[None]:
    """Puts the field's flag in front of what a ValueError says, where it is not there yet."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"--{field}: {str(error).removeprefix(f'--{field}: ')}") from None


class _Expecting:
    """`expect(field, good, what is expected)` for the values of a recipe."""

    def __init__(self, recipe: Recipe):
        self._recipe = recipe
        self._defaults = {field.name: field.default for field in dataclasses.fields(recipe)}

    def __call__(self, name: str, good: bool, expected: str) -> None:
        with named(name):
            checks.expect(good, getattr(self._recipe, name), expected)

    def default(self, name: str, why: str) -> None:
        value = self._defaults[name]
        self(name, getattr(self._recipe, name) == value, f"its default, {value!r}: {why}")


def _check_model(recipe: Recipe, expect: _Expecting) -> None:
    with named("model_options"):
        check_model(recipe.model, parse_options(recipe.model_options))
    with named("augment"):
        check_policy(recipe.augment, recipe.channels)
    with named("final_augment"):
        check_policy(recipe.final_augment, recipe.channels)


def _check_origins(recipe: Recipe, expect: _Expecting) -> None:
    if recipe.weights:
        with named("weights"):
            check_weights(recipe.weights, recipe.model)
    if recipe.teacher:
        with named("teacher"):
            if recipe.teacher_model:
                check_weights(recipe.teacher, recipe.teacher_model)
            else:
                model_of(recipe.teacher)


def _check_steps(recipe: Recipe, expect: _Expecting) -> None:
    expect(
        "warmup_epochs", 0 <= recipe.warmup_epochs < recipe.epochs,
        f"0 to less than epochs={recipe.epochs}, such as {recipe.epochs / 10:g}",
    )
    expect(
        "final_epochs", recipe.final_epochs < recipe.epochs,
        f"less than epochs={recipe.epochs}, such as {recipe.epochs / 20:g}",
    )
    if recipe.final_epochs == 0:
        expect.default("final_augment", "there are no --final_epochs")
    with named("schedule"):
        check_schedule(
            recipe.schedule, epochs=recipe.epochs, warmup_epochs=recipe.warmup_epochs
        )
    with named("optimizer"):
        check_optimizer(recipe.optimizer, decoupled_decay=recipe.decoupled_decay)
    expect(
        "averaging", not (recipe.averaging and evaluates_elsewhere(recipe.optimizer)),
        f"none: {recipe.optimizer} has an average of its own",
    )
    with named("averaging"):
        check_average(recipe.averaging, epochs=recipe.epochs)
    expect(
        "batch_size", recipe.batch_size % recipe.virtual_devices == 0,
        f"a multiple of virtual_devices={recipe.virtual_devices}",
    )
    rows = recipe.batch_size // recipe.virtual_devices
    expect(
        "micro_batches", rows % recipe.micro_batches == 0,
        f"a divisor of the {rows} images of a device",
    )
    expect("micro_batches", not (recipe.sync_bn and recipe.micro_batches > 1), "1 with --sync_bn")
    expect(
        "deterministic", not (recipe.deterministic and recipe.xla == "on"),
        "false with --xla=on: XLA has no reproducible gradient of max pooling",
    )
    expect("recompute", not (recipe.recompute and recipe.sync_bn), "false with --sync_bn")
    expect("recompute", not (recipe.recompute and recipe.aux_weight), "false with --aux_weight")


def _check_images(recipe: Recipe, expect: _Expecting) -> None:
    theirs = recipe.weights and not (recipe.mean or recipe.std)
    for name in ("mean", "std"):
        expect(
            name, theirs or len(getattr(recipe, name)) == recipe.channels,
            f"as many numbers as channels={recipe.channels}",
        )
    expect(
        "eval_resizing", recipe.eval_resizing in METHODS or recipe.weights and
        not recipe.eval_resizing, f"one of {list(METHODS)}, or empty with --weights",
    )
    expect(
        "eval_resize", recipe.eval_resize >= recipe.image_size,
        f"at least image_size={recipe.image_size}",
    )
    expect(
        "data_service", not (recipe.data_service and recipe.data_on_device),
        "none: with --data_on_device no images are read in training",
    )


def _check_crop(recipe: Recipe, expect: _Expecting) -> None:
    jitter = recipe.scale_jitter
    if jitter:
        expect(
            "scale_jitter", len(jitter) == 2 and recipe.image_size <= jitter[0] <= jitter[1],
            f"two numbers LOW,HIGH with image_size={recipe.image_size} <= LOW <= HIGH",
        )
        for name in ("crop_area", "crop_ratio"):
            expect.default(name, "--scale_jitter crops instead")
    expect(
        "data_on_device",
        not recipe.data_on_device or recipe.crop_area == (1, 1) and not jitter,
        "false, or --crop_area=1,1 and no --scale_jitter: crops are made on the host",
    )


def _check_sizes(recipe: Recipe, expect: _Expecting) -> None:
    for other, what in (("scale_jitter", "--scale_jitter"), ("teacher", "a --teacher")):
        expect(
            "train_sizes", not (recipe.train_sizes and getattr(recipe, other)),
            f"none: {what} is for one size",
        )


def _check_transfer(recipe: Recipe, expect: _Expecting) -> None:
    expect(
        "frozen_epochs", 0 <= recipe.frozen_epochs < recipe.epochs,
        f"0 to less than epochs={recipe.epochs}, such as {0.4 * recipe.epochs:g}",
    )
    if not recipe.weights:
        expect("frozen_epochs", recipe.frozen_epochs == 0, "0: there are no --weights")
        expect("trainable", recipe.trainable == "all", "all: there are no --weights")
        expect("freeze_bn", not recipe.freeze_bn, "false: there are no --weights")
    else:
        expect.default("head_bias", "the --weights may have a classifier's")
    if recipe.trainable == "head":
        expect("frozen_epochs", recipe.frozen_epochs == 0, "0 with --trainable=head")
        expect("stage_decay", recipe.stage_decay == 1, "1 with --trainable=head")
        expect("freeze_bn", not recipe.freeze_bn, "false with --trainable=head: all are frozen")
    if recipe.trainable == "head+norm":
        expect("freeze_bn", not recipe.freeze_bn, "false with --trainable=head+norm: one learns")
    if recipe.frozen_epochs == 0:
        expect.default("unfrozen_rate", "there are no --frozen_epochs")


def _check_distillation(recipe: Recipe, expect: _Expecting) -> None:
    if not recipe.teacher:
        for name in ("teacher_model", "distillation", "temperature", "hard_weight"):
            expect.default(name, "there is no --teacher")
