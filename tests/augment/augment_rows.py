"""The table of ops: a reference, parameters for eight images and bad arguments of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from augment_images import BATCH
from augment_references import (
    IDENTITY,
    MAPS,
    augmix,
    blur,
    by_pil,
    chroma,
    clipped,
    contrast,
    cutmix,
    each,
    filled,
    fixed,
    in_turn,
    luma,
    mixup,
    mixup_or_cutmix,
    noise,
    pad_crop,
    seen_through,
    sharpness,
    where,
)
from PIL import Image, ImageOps

from zoo.augment.pixels.choice import OPERATIONS

MIXED = np.array([1, 0, 0, 1, 1, 1, 0, 1], bool)  # which images are changed
NONE = np.zeros(BATCH, bool)
FACTORS = np.array([0.6, 1.4, 1.0, 0.0, 2.0, 0.9, 1.1, 1.25], np.float32)
TURNS = np.array([0.4, -0.4, 0.0, 1.0, -1.0, 0.1, 0.5, -0.25], np.float32)
ONES, ZEROS = np.ones(BATCH, np.float32), np.zeros(BATCH, np.float32)
RECTANGLES = np.array([
    [0, 0, 5, 5], [3, 4, 20, 6], [0, 0, 0, 0], [10, 10, 21, 21], [7, 0, 8, 21], [2, 2, 3, 3],
    [0, 0, 21, 21], [5, 15, 16, 18],
], np.int32)
EMPTY = np.zeros((BATCH, 4), np.int32)
SHARES = np.array([0.0, 1.0, 0.5, 0.25, 0.9, 1 / 3, 0.999, 1e-6], np.float32)
PARTNERS = np.array([7, 1, 0, 2, 6, 5, 4, 3], np.int32)
OTHERS = np.arange(BATCH, dtype=np.int32)[::-1].copy()
CUT = np.where(MIXED[:, None], RECTANGLES, 0).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Row:
    """spec: the op as a policy names it. reference: what apply does.

    literal: parameters for 8 images; neutral: those that change nothing.
    tolerance: in levels; 0 where apply only moves or replaces pixels, or counts in whole levels.
    bad: specs whose arguments cannot be. rgb: wants three channels.
    """

    spec: str
    reference: Callable
    literal: object
    neutral: object
    bad: tuple[str, ...]
    tolerance: float = 0.0
    rgb: bool = False


def warp_row(spec: str, bad: tuple[str, ...], fill=0.0, resample=Image.Resampling.BILINEAR) -> Row:
    # PIL computes bilinear weights in float64, the op in steps of 1 / 65536.
    return Row(spec, seen_through(fill, resample), fixed(MAPS), fixed(IDENTITY).repeat(BATCH, 0),
               bad, tolerance=0.05 if resample == Image.Resampling.BILINEAR else 0.0)


def factor_row(name: str, change: Callable, literal=FACTORS, neutral=ONES, rgb=False) -> Row:
    bad = (name, f"{name}(0)", f"{name}(-0.1)", f"{name}(1.5)", f"{name}('a')", f"{name}(1, 2)")
    return Row(f"{name}(0.4)", clipped(change), literal, neutral, bad, tolerance=2e-3, rgb=rgb)


def rate_row(name: str, change: Callable, bad=(), spec=None, **more) -> Row:
    bad = (f"{name}(rate=0)", f"{name}(rate=1.5)", f"{name}(rate=a)", *bad)
    return Row(spec or name, where(change), MIXED, NONE, bad, **more)


def drawn(rounds) -> dict:
    """Parameters of `apply_rounds` from rows of (name, strength, map) for each image."""
    return {
        "operation": np.array([[OPERATIONS.index(name) for name, _, _ in row] for row in rounds],
                              np.int32),
        "strength": np.array([[strength for _, strength, _ in row] for row in rounds], np.float32),
        "map": np.stack([fixed([one for _, _, one in row]) for row in rounds]),
    }


NO_MAP = IDENTITY[0]
SETTINGS = [
    ("autocontrast", 0, NO_MAP), ("equalize", 0, NO_MAP), ("solarize", 77, NO_MAP),
    ("color", 0.25, NO_MAP), ("posterize", 3, NO_MAP), ("contrast", 1.8125, NO_MAP),
    ("brightness", 1.625, NO_MAP), ("sharpness", 1.899902, NO_MAP), ("invert", 0, NO_MAP),
    ("rotate", 20, MAPS[0]), ("shear_x", 0.31, MAPS[2]), ("shear_y", -0.43, MAPS[3]),
    ("translate_x", 3, (1, 0, -3, 0, 1, 0)), ("translate_y", 4, (1, 0, 0, 0, 1, 4)),
    ("identity", 0, NO_MAP), ("solarize_add", 77, NO_MAP),
]
SETTINGS[7] = ("sharpness", 1945 / 1024, NO_MAP)
PAIRS = drawn([SETTINGS[i:i + 2] for i in range(0, 16, 2)])
SINGLES = drawn([[one] for one in SETTINGS[1::2]])
STILL = drawn([[("identity", 0, NO_MAP)] * 2] * BATCH)
STILL_ONCE = drawn([[("identity", 0, NO_MAP)]] * BATCH)
CHAINS = drawn([[SETTINGS[(i + k) % 15] for k in (0, 4, 9)] for i in range(3 * BATCH)])
NO_CHAINS = drawn([[("identity", 0, NO_MAP)] * 3] * (3 * BATCH))
WEIGHTS = np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3]] * 2, np.float32)


OPS = {
    "flip": rate_row("flip", lambda image: image[:, ::-1], bad=(
        "flip(0)", "flip(-0.1)", "flip(1.01)", "flip('a')", "flip(None)", "flip((1,))",
        "flip(1e999)", "flip(0.1, 0.2)", "flip(p=0.5)")),
    "flip_up_down": rate_row("flip_up_down", lambda image: image[::-1]),
    "pad_crop": Row(
        "pad_crop(3)", each(pad_crop),
        np.array([[0, 0], [6, 6], [0, 6], [6, 0], [3, 3], [2, 5], [4, 1], [3, 0]], np.int32),
        np.full((BATCH, 2), 3, np.int32),
        ("pad_crop", "pad_crop(0)", "pad_crop(-1)", "pad_crop(1.0)", "pad_crop('a')",
         "pad_crop(None)", "pad_crop(True)", "pad_crop(size=3)")),
    "rotate": warp_row("rotate(30)", (
        "rotate", "rotate(0)", "rotate(-5)", "rotate(181)", "rotate(9, fill=-1)",
        "rotate(9, interpolation=cubic)")),
    "translate": warp_row("translate(0.1, 0.2, interpolation=nearest, fill=100)", (
        "translate", "translate(0, 0)", "translate(1.1)", "translate(-0.1)", "translate(a)"),
        fill=100, resample=Image.Resampling.NEAREST),
    "shear": warp_row("shear(0.2, 0.1, fill=30)", (
        "shear", "shear(0, 0)", "shear(3)", "shear(0.1, -1)", "shear(0.1, fill=256)"), fill=30),
    "zoom": warp_row("zoom(0.8, 1.25, True)", (
        "zoom", "zoom(1, 1)", "zoom(0, 1)", "zoom(2, 1)", "zoom(1, 11)", "zoom(1, 2, 3)")),
    "brightness": factor_row("brightness", lambda image, factor: image * factor),
    "contrast": factor_row("contrast", contrast),
    "saturation": factor_row("saturation", lambda image, s: chroma(image, s, 0), rgb=True),
    "hue": factor_row("hue", lambda image, h: chroma(image, 1, h), TURNS, ZEROS, rgb=True),
    "hsb": factor_row(
        "hsb", lambda image, h, s, b: chroma(image, s, h) * b,
        (TURNS, FACTORS, FACTORS[::-1].copy()), (ZEROS, ONES, ONES), rgb=True),
    "jitter": dataclasses.replace(factor_row(
        "jitter", lambda image, b, c, s, h: chroma(contrast(image, c) * b, s, h),
        (FACTORS, FACTORS[::-1].copy(), np.roll(FACTORS, 3), TURNS), (ONES, ONES, ONES, ZEROS),
        rgb=True), spec="jitter(0.4, 0.3, 0.2, 0.1)",
        bad=("jitter", "jitter(0, 0, 0, 0)", "jitter(2)", "jitter(hue=-0.1)", "jitter('a')")),
    "lighting": Row(
        "lighting(0.1)",
        clipped(lambda image, alpha: image + np.array(
            [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
        ) @ (alpha * [55.46, 4.794, 1.148])),
        np.random.default_rng(0).normal(0, 0.3, (BATCH, 3)).astype(np.float32),
        np.zeros((BATCH, 3), np.float32),
        ("lighting", "lighting(0)", "lighting(-1)", "lighting(1e999)", "lighting('a')"),
        tolerance=1e-3, rgb=True),
    "grey": rate_row("grey", lambda image: luma(image).repeat(3, -1), ("grey",),
                     spec="grey(0.5)", tolerance=1e-3, rgb=True),
    "noise": Row(
        "noise(20)", clipped(noise),
        (np.arange(BATCH, dtype=np.int32) * 268_435_399,
         np.array([20, 0, 1, 5, 50, 3, 12, 0.5], np.float32)),
        (np.arange(BATCH, dtype=np.int32), ZEROS),
        ("noise", "noise(0)", "noise(-1)", "noise(256)", "noise('a')"), tolerance=2e-3),
    "blur": Row(
        "blur(2.0)", each(blur), np.array([2, 1, 0, 0.5, 1.5, 0.1, 0.7, 1.9], np.float32), ZEROS,
        ("blur", "blur(0)", "blur(-1)", "blur(11)", "blur('a')"), tolerance=2e-3),
    "sharpness": factor_row("sharpness", sharpness),
    "invert": rate_row("invert", by_pil(ImageOps.invert)),
    "posterize": rate_row(
        "posterize", by_pil(lambda image: ImageOps.posterize(image, 3)),
        ("posterize(0)", "posterize(8)", "posterize(2.0)", "posterize('a')"), spec="posterize(3)"),
    "solarize": rate_row(
        "solarize", by_pil(lambda image: ImageOps.solarize(image, 100)),
        ("solarize(-1)", "solarize(256)", "solarize('a')"), spec="solarize(100)"),
    "autocontrast": rate_row("autocontrast", by_pil(ImageOps.autocontrast), tolerance=1.0),
    "equalize": rate_row("equalize", by_pil(ImageOps.equalize)),
    "erase": Row(
        "erase(value=200)", each(filled), RECTANGLES, EMPTY,
        ("erase(0)", "erase(area=(0.5, 0.1))", "erase(area=(0, 0.1))", "erase(area=0.1)",
         "erase(area={0: 0.1, 1: 0.2})", "erase(ratio=(0, 1))", "erase(value=300)",
         "erase(noise=-1)")),
    "cutout": Row(
        "cutout(5, value=200)", each(filled), RECTANGLES, EMPTY,
        ("cutout", "cutout(0)", "cutout(1.5)", "cutout('a')", "cutout(4, value=-1)")),
    "mixup": Row(
        "mixup(0.4)", mixup, (SHARES, PARTNERS), (ONES, OTHERS),
        ("mixup", "mixup(0)", "mixup(-0.2)", "mixup(1e999)", "mixup('a')", "mixup(None)",
         "mixup([1])", "mixup(1j)", "mixup(0.2, 0.3)", "mixup(beta=1)"), tolerance=1e-4),
    "cutmix": Row(
        "cutmix(1.0)", cutmix, (RECTANGLES, PARTNERS), (EMPTY, OTHERS),
        ("cutmix(0)", "cutmix(-1)", "cutmix(1e999)", "cutmix('a')"), tolerance=1e-4),
    "mixup_or_cutmix": Row(
        "mixup_or_cutmix(0.4, 1.0)", mixup_or_cutmix,
        ((SHARES, PARTNERS), (CUT, OTHERS)), ((ONES, PARTNERS), (EMPTY, OTHERS)),
        ("mixup_or_cutmix(0)", "mixup_or_cutmix(1, 0)", "mixup_or_cutmix(1, 1, 1)",
         "mixup_or_cutmix(1, 1, 0.5, 1)"),
        tolerance=1e-4),
    "rand_augment": Row(
        "rand_augment(2, 9, std=0.5)", in_turn, PAIRS, STILL,
        ("rand_augment(0)", "rand_augment(1.5)", "rand_augment(2, 0)", "rand_augment(2, 11)",
         "rand_augment(2, 9, -1)", "rand_augment('a')", "rand_augment(2, 9, 0, 0)",
         "rand_augment(operations=all)"), tolerance=1.0),
    "trivial_augment": Row(
        "trivial_augment", in_turn, SINGLES, STILL_ONCE, ("trivial_augment(1)",), tolerance=1.0),
    "auto_augment": Row(
        "auto_augment(policy=cifar10)", in_turn, PAIRS, STILL,
        ("auto_augment(imagenet21k)", "auto_augment(policy=svhn)", "auto_augment(1)"),
        tolerance=1.0),
    "augmix": Row(
        "augmix", augmix,
        {"rounds": CHAINS, "weights": WEIGHTS, "share": SHARES},
        {"rounds": NO_CHAINS, "weights": WEIGHTS, "share": ONES},
        ("augmix(0)", "augmix(11)", "augmix(3, 0)", "augmix(3, 9)", "augmix(3, 3, 0)"),
        tolerance=2.0),
}
