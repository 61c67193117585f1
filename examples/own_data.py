"""A data source of your own: a function that returns a `zoo.data.Source`.

    PYTHONPATH=examples python -m recipes.lenet5 --data=own_data:squares
    PYTHONPATH=examples python -m recipes.lenet5 --data=own_data:squares,count=500 --epochs=3

Python must find the module: in the folder that the command runs in, in PYTHONPATH, or installed.
What stands behind the comma are arguments of the function, whole numbers or texts.
"""

import numpy as np

from zoo.data import ArraySplit, Source


def squares(count: int = 2000) -> Source:
    """Grey images of 28x28: a filled square, or only its border. count: training images."""
    return Source(
        name="squares",
        class_names=("border", "filled"),
        channels=1,
        # No image may be in two splits: here they are drawn from different seeds.
        splits={"train": draw(count, seed=1), "validation": draw(200, seed=2)},
    )


def draw(count: int, seed: int) -> ArraySplit:
    """Images in memory; FileSplit takes paths of image files, RecordSplit TFRecord files."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count).astype(np.int32)
    images = rng.integers(0, 100, (count, 28, 28, 1)).astype(np.uint8)  # noise
    for image, label in zip(images, labels, strict=True):
        side = rng.integers(8, 20)
        top, left = rng.integers(0, 28 - side, 2)
        square = image[top : top + side, left : left + side]
        square[:] = 200
        if not label:
            square[2:-2, 2:-2] = 50
    return ArraySplit(images, labels)
