"""What the zoo's augmentations draw, beside what timm's and torchvision's do, as a Markdown table.

    TORCH_ENVIRONMENT/bin/python tools/goldens/augmentation_draws.py draws.npz
    python tools/bench/recipe_references.py --draws=draws.npz

Distributions are compared by chi-square of two samples of 100,000 draws, numbers by their largest
difference. A p below 0.001 is a difference of distributions.
"""

from __future__ import annotations

import numpy as np
from absl import flags

from zoo.cli import import_tensorflow, run_tool

DRAWS = flags.DEFINE_string("draws", "draws.npz", "what tools/goldens/augmentation_draws.py wrote")
COUNT, SIZE = 100_000, 224
BINS = 20


def main() -> None:
    import_tensorflow()
    theirs = np.load(DRAWS.value)
    print("| what | reference | compared | result |\n| --- | --- | --- | --- |")
    for row in (*rand_augment(theirs), *erasing(theirs), *repeated(theirs), *numbers(theirs)):
        print(f"| {' | '.join(row)} |")


def rand_augment(theirs):
    from zoo.augment.pixels.choice import OPERATIONS
    from zoo.augment.rand_augment import RandAugment

    for magnitude in (9, 7):
        drawn = RandAugment(n=2, m=magnitude, std=0.5, rate=0.5, operations="timm").sample(
            (1, magnitude), COUNT, SIZE
        )
        ours = np.array(OPERATIONS)[drawn["operation"].numpy()]
        strength = drawn["strength"].numpy().astype(np.float64)
        other = theirs[f"rand_augment/{magnitude}/operation"]
        level = theirs[f"rand_augment/{magnitude}/strength"]
        moved = np.isin(ours, ("translate_x", "translate_y"))
        strength = np.where(moved, strength / SIZE, strength)
        name, reference = f"RandAugment m{magnitude}", f"timm rand-m{magnitude}-mstd0.5-inc1"
        yield name, reference, "both operations of an image, 256 pairs", chi_square(
            np.char.add(np.char.add(ours[:, 0], "+"), ours[:, 1]),
            np.char.add(np.char.add(other[:, 0], "+"), other[:, 1]),
        )
        for operation in np.unique(other):
            mine, its = strength[ours == operation], level[other == operation]
            if np.ptp(its):
                yield name, reference, f"strength of {operation}", chi_square(*binned(mine, its))


def erasing(theirs):
    from zoo.augment.erase import Erase

    for reference, options in (
        ("timm", {"area": (0.02, 1 / 3), "ratio": (0.3, 1 / 0.3)}), ("torchvision", {}),
    ):
        ours = Erase(rate=1.0, **options).sample((2, 0), COUNT, SIZE).numpy()
        ours = ours[ours[:, 2] > ours[:, 0]]
        mine, its = (parts_of(rows) for rows in (ours, theirs[f"erasing/{reference}"]))
        for part, values in mine.items():
            yield "random erasing", reference, part, chi_square(*binned(values, its[part]))


def parts_of(rectangles) -> dict:
    top, left, bottom, right = np.asarray(rectangles, np.float64).T
    height, width = bottom - top, right - left
    return {
        "area": height * width, "logarithm of height by width": np.log(height / width),
        "top": top, "left": left,
    }


def repeated(theirs):
    from zoo.data.order import batch_order

    for repeats in (3, 4):
        ours = np.concatenate([
            index.numpy() for index, _ in batch_order(5120, 256, 0, 0, repeats).take(20)
        ])
        for reference in ("timm", "torchvision"):
            its = theirs[f"repeated/{reference}/{repeats}"]
            mine, other = (describe(order) for order in (ours, its))
            yield (f"repeated augmentation, {repeats}", reference,
                   "an epoch of 5,120 images: how many come how often",
                   f"{mine}; {other if mine != other else 'equal'}")


def describe(order) -> str:
    times, images = np.unique(np.unique(order, return_counts=True)[1], return_counts=True)
    return ", ".join(f"{n:,} {t} times" for t, n in zip(times, images, strict=True))


def numbers(theirs):
    import tensorflow as tf

    from zoo.augment.cutmix import Cutmix
    from zoo.augment.mixup import Mixup
    from zoo.core.losses import make_loss, smooth_labels

    one_hot = tf.one_hot(theirs["labels"], 10)
    flipped = np.arange(8)[::-1].astype(np.int32)
    images = tf.constant(theirs["images"], tf.float32)
    worst = dict.fromkeys(("labels", "loss"), 0.0)
    for key in theirs:
        if not key.startswith("mixed/"):
            continue
        _, lam, smoothing = key.split("/")
        _, labels = Mixup(0.2).apply(images, one_hot, (tf.fill([8], float(lam)), flipped))
        targets = smooth_labels(labels, float(smoothing))
        worst["labels"] = max(worst["labels"], difference(targets, theirs[key]))
        for threshold in ("0", "0.2"):
            loss = make_loss(f"binary_cross_entropy({threshold})")
            mine = tf.reduce_mean(loss(targets, tf.constant(theirs["logits"], tf.float32)))
            want = theirs[f"bce/{lam}/{smoothing}/{threshold}"]
            worst["loss"] = max(worst["loss"], difference(mine, want))
    yield "mixup, cutmix", "timm mixup_target", "labels of 1, 0.7, 0.123, smoothed by 0, 0.1", (
        f"largest difference {worst['labels']:.1e}")
    yield "BCE", "timm BinaryCrossEntropy", "loss of these, thresholds none and 0.2", (
        f"largest difference {worst['loss']:.1e}")
    rolled = np.roll(np.arange(8), 1).astype(np.int32)
    mixed = Mixup(0.2).apply(images, one_hot, (tf.fill([8], 0.7), rolled))
    left, top, right, bottom = theirs["torchvision/box"]
    box = np.tile(np.array([top, left, bottom, right], np.int32), (8, 1))
    cut = Cutmix().apply(images, one_hot, (tf.constant(box), rolled))
    for name, (pixels, labels) in (("mixup", mixed), ("cutmix", cut)):
        yield name, f"torchvision {name}", "images and labels, the same share and rectangle", (
            f"largest difference {difference(pixels, theirs[f'torchvision/{name}']) / 255:.1e} of "
            f"white, {difference(labels, theirs[f'torchvision/{name}_labels']):.1e}")


def difference(ours, theirs) -> float:
    return float(np.max(np.abs(np.asarray(ours, np.float64) - theirs)))


def binned(ours, theirs):
    """Both by the bins that hold equal parts of both together; values of few kinds as they are."""
    both = np.concatenate([ours, theirs]).round(5)
    edges = np.unique(both)
    if len(edges) > 100:
        edges = np.unique(np.quantile(both, np.arange(1, BINS) / BINS))
    return tuple(np.searchsorted(edges, values.round(5)) for values in (ours, theirs))


def chi_square(ours, theirs) -> str:
    """Of two samples of kinds; those seen less than 10 times in both together are one."""
    from scipy.stats import chi2_contingency

    kinds = np.unique(np.concatenate([ours, theirs]))
    table = np.stack([
        np.bincount(np.searchsorted(kinds, some), minlength=len(kinds)) for some in (ours, theirs)
    ])
    rare = table.sum(0) < 10
    table = np.concatenate([table[:, ~rare], table[:, rare].sum(1, keepdims=True)], 1)
    found = chi2_contingency(table[:, table.sum(0) > 0], correction=False)
    return f"chi-square {found.statistic:.1f} of {found.dof}, p = {found.pvalue:.3f}"


if __name__ == "__main__":
    run_tool(main, __doc__)
