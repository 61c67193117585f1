"""The facts of a run of any length and any classes, without training one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from sklearn.datasets import load_sample_images

from recipes.lenet5 import RECIPE
from zoo.report.diagnose import diagnose
from zoo.report.run_facts import Pictures, Reached, RunFacts
from zoo.report.thumbnails import thumbnail


def records(epochs: int) -> list[dict]:
    """Of a run whose rate is 0.4, then falls to 0 by a cosine, as in fine-tuning."""
    noise = np.random.default_rng(0).normal(0, 0.01, epochs)
    return [
        {
            "epoch": epoch, "step": 31 * epoch, "seconds": 2.5 * epoch,
            "train_loss": 2.3 * math.exp(-4 * epoch / epochs) + 0.3,
            "loss": 2.2 * math.exp(-5 * epoch / epochs) + 0.05 + abs(noise[epoch - 1]),
            "train_top_1": 0.9 - 0.8 * math.exp(-4 * epoch / epochs),
            "top_1": 0.98 - 0.8 * math.exp(-5 * epoch / epochs) + noise[epoch - 1],
            "top_5": 0.99,
            "learning_rate":
                0.4 if epoch < epochs / 3 else 0.05 * (1 + math.cos(math.pi * epoch / epochs)),
        }
        for epoch in range(1, epochs + 1)
    ]


def confusion_of(count: int) -> np.ndarray:
    """int [count, count], of 50 images a class, a fifth of them wrong."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, count, 50 * count)
    predicted = np.where(generator.random(50 * count) < 0.8, labels, (labels + 1) % count)
    confusion = np.zeros((count, count), int)
    np.add.at(confusion, (labels, predicted), 1)
    return confusion


def facts_of_a_run(names: Sequence[str], epochs: int = 3, **changes) -> RunFacts:
    """A finished run with photographs as its images. changes: fields of `RunFacts`."""
    lines = records(epochs)
    photos = load_sample_images().images
    shown = [thumbnail(photos[place % 2], (name,), f"{name}/{place}.jpg")
             for place, name in enumerate(names[:12])]
    known = {
        "recipe": {**vars(RECIPE), "run_dir": "runs/x"}, "changed": {"epochs": (epochs, 20)},
        "expected": "Published: 99 %.", "class_names": tuple(names),
        "images": {"train": 4000, "validation": 1000}, "records": lines, "epochs": epochs,
        "steps": 31 * epochs, "finished": True,
        "reached": [Reached("validation", 1000, lines[-1]["top_1"], (0.9, 1.0), 1.0, 0.1)],
        "diagnosis": diagnose(lines), "confusion": confusion_of(len(names)), "skipped": [],
        "left_out": [], "seconds": {"first_steps": 1.0, "steps": 1.2 * epochs}, "speed": 3300.0,
        "memory": {"this process": 1_090_000_000}, "launches": [], "commands": {},
        "left": "the weights are those of the last evaluation", "usage": "import x\nx.call()",
        "pictures": Pictures(shown, shown, shown, shown),
    }
    return RunFacts(**{**known, **changes})
