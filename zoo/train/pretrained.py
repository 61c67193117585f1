"""What a recipe says of a run that begins with trained weights."""

from __future__ import annotations

import dataclasses

import zoo.weights
from zoo.lazy import lazy_module
from zoo.recipe import Recipe

np = lazy_module("numpy")


def with_preprocessing(recipe: Recipe) -> Recipe:
    """`recipe` with the mean, deviation and resizing of its weights, where it has none.

    Raises ValueError, in one line, where it has another mean or deviation than its weights.
    """
    if not recipe.weights:
        return recipe
    there = zoo.weights.preprocessing_of(recipe.weights, recipe.model)
    if there is None:  # a file that does not tell
        for name, value in (("mean", recipe.mean), ("eval_resizing", recipe.eval_resizing)):
            if not value:
                raise ValueError(
                    f"--{name}: got none, and {recipe.weights} does not say what its images were "
                    f"like; expected --{name} as it was in training"
                )
        return recipe
    if not recipe.eval_resizing:
        recipe = dataclasses.replace(recipe, eval_resizing=there.resizing)
    mean, std = (_for_channels(values, recipe.channels) for values in (there.mean, there.std))
    if not recipe.mean:
        return dataclasses.replace(recipe, mean=mean, std=std)
    if not (np.allclose(recipe.mean, mean, atol=1) and np.allclose(recipe.std, std, rtol=0.03)):
        raise ValueError(
            f"--mean: got mean {recipe.mean} and std {recipe.std}; {recipe.weights} was trained "
            f"with {mean} and {std}: give --mean= --std= to take these"
        )
    return recipe


def _for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Grey images have the mean of the three, as the network's first kernels are added up."""
    return values if len(values) == channels else (float(np.mean(values)),) * channels
