"""The training batches that a recipe names."""

from __future__ import annotations

import tensorflow as tf

from zoo.data import Split, train_batches
from zoo.recipe import Recipe


def recipe_batches(
    recipe: Recipe, split: Split, *, image_size: int, batch_size: int, **options
) -> tf.data.Dataset:
    """(uint8 [B, S, S, C], int32 [B]) for ever; options: more of `zoo.data.train_batches`."""
    return train_batches(
        split, image_size=image_size, channels=recipe.channels, batch_size=batch_size,
        seed=recipe.seed, crop_area=recipe.crop_area, crop_ratio=recipe.crop_ratio,
        scale_jitter=recipe.scale_jitter or None, resizing=recipe.train_resizing,
        host_ops=recipe.host_ops, host_threads=recipe.host_threads, **options,
    )
