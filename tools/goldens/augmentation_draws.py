"""Writes what timm's and torchvision's augmentations draw, for tools/bench/recipe_references.py.

    TORCH_ENVIRONMENT/bin/python tools/goldens/augmentation_draws.py OUT.npz

Runs in an environment of its own (torch==2.13.0 torchvision==0.28.0 timm==1.0.31 numpy pillow) and
imports nothing of the zoo. 100,000 draws each; no pixel is computed.
"""

import random
import sys

import numpy as np
import torch
import torchvision.transforms.v2
from timm.data.auto_augment import rand_augment_transform
from timm.data.distributed_sampler import RepeatAugSampler
from timm.data.mixup import mixup_target
from timm.data.random_erasing import RandomErasing
from timm.loss import BinaryCrossEntropy

DRAWS, SIZE = 100_000, 224
NAMES = {  # timm's operation -> the zoo's
    "AutoContrast": "autocontrast", "Equalize": "equalize", "Invert": "invert", "Rotate": "rotate",
    "PosterizeIncreasing": "posterize", "SolarizeIncreasing": "solarize",
    "SolarizeAdd": "solarize_add", "ColorIncreasing": "color", "ContrastIncreasing": "contrast",
    "BrightnessIncreasing": "brightness", "SharpnessIncreasing": "sharpness", "ShearX": "shear_x",
    "ShearY": "shear_y", "TranslateXRel": "translate_x", "TranslateYRel": "translate_y",
}


def main(out: str) -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    arrays = {}
    for magnitude in (9, 7):
        drawn = rand_augment(f"rand-m{magnitude}-mstd0.5-inc1")
        arrays |= {f"rand_augment/{magnitude}/{name}": value for name, value in drawn.items()}
    arrays["erasing/timm"] = timm_erasing()
    arrays["erasing/torchvision"] = torchvision_erasing()
    for repeats in (3, 4):
        sampler = RepeatAugSampler(range(5120), num_replicas=1, rank=0, num_repeats=repeats)
        arrays[f"repeated/timm/{repeats}"] = np.array(list(sampler))
        arrays[f"repeated/torchvision/{repeats}"] = torchvision_repeated(5120, repeats)
    arrays |= losses_and_labels()
    np.savez_compressed(out, **arrays)


def rand_augment(config: str) -> dict:
    """operation [DRAWS, 2], the zoo's names, "identity" where none is applied; strength, in the
    operation's unit, translations as shares of the side."""
    transform, applied = rand_augment_transform(config, {}), []
    for operation in transform.ops:
        name = NAMES[operation.name]
        operation.aug_fn = lambda image, *level, name=name, **_: applied.append(
            (name, level[0] if level else 0.0)
        )
    operations, strengths = [], []
    for _ in range(DRAWS):
        chosen = np.random.choice(transform.ops, transform.num_layers, replace=True, p=None)
        row = []
        for operation in chosen:  # as RandAugment.__call__
            applied.clear()
            operation(None)
            row.append(applied[0] if applied else ("identity", 0.0))
        operations.append([name for name, _ in row])
        strengths.append([level for _, level in row])
    return {"operation": np.array(operations), "strength": np.array(strengths)}


class _Noted:
    """An image that notes what is assigned to it."""

    def __init__(self):
        self.rectangles = []

    def __setitem__(self, key, value):
        _, rows, columns = key
        self.rectangles.append((rows.start, columns.start, rows.stop, columns.stop))


def timm_erasing():
    """top, left, bottom, right [about DRAWS, 4], of images in which a rectangle fitted."""
    erasing, image = RandomErasing(probability=1.0, mode="const", device="cpu"), _Noted()
    for _ in range(DRAWS):
        erasing._erase(image, 1, SIZE, SIZE, torch.float32)
    return np.array(image.rectangles)


def torchvision_erasing():
    image, found = torch.zeros(1, SIZE, SIZE), []
    for _ in range(DRAWS):
        top, left, height, width, _ = torchvision.transforms.RandomErasing.get_params(
            image, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=[0.0]
        )
        if (height, width) != (SIZE, SIZE):  # what it gives where none of ten fits
            found.append((top, left, top + height, left + width))
    return np.array(found)


def torchvision_repeated(length: int, repeats: int):
    """references/classification/sampler.py, RASampler of one replica: each index `repeats` times,
    and of these the first length // 256 * 256."""
    order = torch.randperm(length, generator=torch.Generator().manual_seed(0)).numpy()
    return np.repeat(order, repeats)[:length // 256 * 256]


def losses_and_labels() -> dict:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, 8)
    logits = generator.normal(size=(8, 10)) * 3
    mixed = {
        (lam, smoothing): mixup_target(
            torch.tensor(labels), 10, lam=lam, smoothing=smoothing
        ).double().numpy()
        for lam in (1.0, 0.7, 0.123) for smoothing in (0.0, 0.1)
    }
    arrays = {"labels": labels, "logits": logits}
    for (lam, smoothing), targets in mixed.items():
        arrays[f"mixed/{lam}/{smoothing}"] = targets
        for threshold in (None, 0.2):
            loss = BinaryCrossEntropy(smoothing=smoothing, target_threshold=threshold)
            arrays[f"bce/{lam}/{smoothing}/{threshold or 0}"] = loss(
                torch.tensor(logits), torch.tensor(targets)
            ).numpy()
    images = torch.tensor(generator.uniform(0, 255, (8, 3, 16, 16)).round())
    arrays["images"] = images.permute(0, 2, 3, 1).numpy()
    one_hot = torch.nn.functional.one_hot(torch.tensor(labels), 10).double()
    mixup = torchvision.transforms.v2.MixUp(num_classes=10)
    arrays["torchvision/mixup"] = mixup.transform(images, {
        "lam": 0.7, "batch_size": 8, "labels": torch.tensor(labels)
    }).permute(0, 2, 3, 1).numpy()
    arrays["torchvision/mixup_labels"] = mixup._mixup_label(one_hot, lam=0.7).numpy()
    cutmix = torchvision.transforms.v2.CutMix(num_classes=10)
    drawn = cutmix.make_params([images])
    arrays["torchvision/box"] = np.array([int(x) for x in drawn["box"]])  # x1, y1, x2, y2
    arrays["torchvision/cutmix"] = cutmix.transform(
        images, {**drawn, "batch_size": 8, "labels": torch.tensor(labels)}
    ).permute(0, 2, 3, 1).numpy()
    arrays["torchvision/cutmix_labels"] = cutmix._mixup_label(
        one_hot, lam=drawn["lam_adjusted"]
    ).numpy()
    return arrays


if __name__ == "__main__":
    main(*sys.argv[1:])
