"""Residual branches dropped in training: which, how often, and what is left as it was."""

from __future__ import annotations

import re

import keras
import numpy as np
import pytest
from forward import answer, images_like

import zoo.models

RATE = 0.4
SMALL = {"input_shape": (32, 32, 3), "num_classes": 3}
# Blocks, and the places of those that have a shortcut: of a ResNet all.
PLACES = {
    "resnet18": (8, range(1, 9)),
    "resnet26d": (8, range(1, 9)),
    "resnet18_v2": (8, range(1, 9)),
    "mobilenet_v2_050": (17, [3, 5, 6, 8, 9, 10, 12, 13, 15, 16]),
    "mobilenet_v3_small_100": (11, [3, 5, 6, 8, 10, 11]),
    "efficientnet_lite0": (16, [3, 5, 7, 8, 10, 11, 13, 14, 15]),
}


def drops(model: keras.Model) -> list[keras.layers.Dropout]:
    return [layer for layer in model.layers if layer.name.endswith("_drop")]


def training_values(model: keras.Model, images: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(branch, what is left of it in training) of each block."""
    pairs = [(drop.input, drop.output) for drop in drops(model)]
    values = keras.Model(model.input, pairs)(images, training=True)
    return [(branch.numpy(), kept.numpy()) for branch, kept in values]


@pytest.mark.parametrize("name", PLACES)
def test_rates_grow_linearly_and_nothing_else_changes(name):
    usual = zoo.models.create_model(name, **SMALL)
    model = zoo.models.create_model(name, **SMALL, stochastic_depth=RATE)
    blocks, places = PLACES[name]
    rates = [drop.rate for drop in drops(model)]
    np.testing.assert_allclose(rates, [RATE * place / blocks for place in places])

    names = {layer.name for layer in usual.layers}
    assert {layer.name for layer in model.layers} == names | {drop.name for drop in drops(model)}
    adds = [layer.name for layer in usual.layers if layer.name.endswith("_add")]
    assert [re.sub("_drop$", "_add", drop.name) for drop in drops(model)] == adds
    for drop, add in zip(drops(model), adds, strict=True):
        shortcut, branch = model.get_layer(add).input
        assert branch is drop.output and shortcut is not drop.input

    values = {weight.path: weight for weight in usual.weights}
    assert sorted(weight.path for weight in model.weights) == sorted(values)
    for weight in model.weights:
        weight.assign(values[weight.path])
    images = images_like((32, 32, 3))
    np.testing.assert_array_equal(answer(model, images), answer(usual, images))


@pytest.mark.parametrize("name", ["resnet18_v2", "mobilenet_v3_small_100"])
def test_training_drops_whole_branches_of_single_images(name):
    keras.utils.set_random_seed(7)
    model = zoo.models.create_model(name, **SMALL, width=0.125, stochastic_depth=RATE)
    images = images_like((32, 32, 3), 1000)
    all_kept = []
    for drop, (branch, left) in zip(drops(model), training_values(model, images), strict=True):
        kept = np.any(left, axis=(1, 2, 3))
        expected = np.where(kept[:, None, None, None], branch / (1 - drop.rate), 0)
        np.testing.assert_allclose(left, expected, rtol=1e-5)
        deviation = (drop.rate * (1 - drop.rate) / len(images)) ** 0.5
        assert abs(np.mean(~kept) - drop.rate) < 4 * deviation
        all_kept.append(kept)
    # Each block of each batch decides for itself.
    assert len({kept.tobytes() for kept in all_kept}) == len(all_kept)
    again = [np.any(left, axis=(1, 2, 3)) for _, left in training_values(model, images)]
    assert not any(np.array_equal(*pair) for pair in zip(all_kept, again, strict=True))


def test_saved_file_keeps_rates_and_drops_whole_branches(tmp_path):
    model = zoo.models.create_model("resnet18d", **SMALL, width=0.125, stochastic_depth=RATE)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert [drop.rate for drop in drops(loaded)] == [drop.rate for drop in drops(model)]
    images = images_like((32, 32, 3), 64)
    np.testing.assert_array_equal(answer(loaded, images), answer(model, images))
    _, left = training_values(loaded, images)[-1]
    parts = np.mean(left != 0, axis=(1, 2, 3))
    assert set(parts) == {0.0, 1.0}


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2_025", "mobilenet_v3_small_050"])
@pytest.mark.parametrize("rate", [1, -0.1, True, "0.1"])
def test_rates_that_are_none(name, rate):
    with pytest.raises(ValueError) as error:
        zoo.models.create_model(name, stochastic_depth=rate)
    assert str(error.value) == f"got stochastic_depth={rate!r}; expected a number in [0, 1)"


def test_only_residual_networks_take_it():
    residual = {"efficientnet_lite", "mobilenet_v2", "mobilenet_v3", "resnet"}
    for name in zoo.models.list_models():
        if zoo.models.family_of(name) in residual:
            zoo.models.check_model(name, ["stochastic_depth"])
        else:
            with pytest.raises(ValueError, match="^unknown option 'stochastic_depth' for model"):
                zoo.models.check_model(name, ["stochastic_depth"])
