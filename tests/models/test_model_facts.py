"""Every model against published figures: facts/FAMILY.json has a row a model, its source in it."""

from __future__ import annotations

import json
import pathlib
import re

import keras
import pytest

import zoo.models
from zoo.models import blocks

FACTS = {
    name: row
    for path in sorted((pathlib.Path(__file__).parent / "facts").glob("*.json"))
    for name, row in json.loads(path.read_text()).items()
}


def test_every_model_has_a_row_and_every_row_a_model():
    names = zoo.models.list_models()
    assert set(names) - set(FACTS) == set(), "models without a row in tests/models/facts/"
    assert set(FACTS) - set(names) == set(), "rows without a model"


@pytest.mark.parametrize("name", zoo.models.list_models())
def test_model_is_what_was_published(name, monkeypatch):
    monkeypatch.setattr(blocks, "KERNEL_INITIALIZER", "zeros")  # 820 million random numbers less
    facts = FACTS[name]
    model = zoo.models.create_model(name)
    macs = zoo.models.count_macs(model)
    assert zoo.models.count_trainable(model) == facts["trainable_parameters"]
    assert macs == facts["macs"]
    if "published_gmacs" in facts:  # 1512.03385 cuts 3.66 to 3.6
        assert macs / 1e9 == pytest.approx(facts["published_gmacs"], rel=0.02)
    if "mxnet_parameters" in facts:
        # MXNet counts the statistics too, and v2's unused scale and offset of the 3 input channels.
        unused = 6 if name.endswith("_v2") else 0
        assert model.count_params() + unused == facts["mxnet_parameters"]

    # What create_model checks as well: that fine-tuning and weights find what the row names.
    zoo.models.structure_of(model).check(model)
    assert model.name == name
    assert isinstance(model, keras.src.models.Functional)
    assert model.output.dtype == "float32"
    for layer in model.layers:
        assert type(layer).__module__.startswith("keras."), layer
        assert re.fullmatch(r"[a-z][a-z0-9_]*", layer.name), layer.name


@pytest.mark.parametrize("form", ["", "b", "c", "d", "_v2"])
def test_deeper_is_larger_in_every_form(form):
    figures = [FACTS[f"resnet{depth}{form}"] for depth in (18, 34, 50, 101, 152)]
    assert figures == sorted(figures, key=lambda row: (row["trainable_parameters"], row["macs"]))


def one_layer(layer: keras.layers.Layer, shape: tuple[int, ...]) -> keras.Model:
    images = keras.Input(shape)
    return keras.Model(images, layer(images))


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (keras.layers.Conv2D(8, 3, padding="same"), (10, 12, 4), 10 * 12 * 9 * 4 * 8),
        (keras.layers.Conv2D(8, 3, strides=2), (11, 11, 4), 5 * 5 * 9 * 4 * 8),
        (keras.layers.Conv2D(8, 3, groups=2), (10, 10, 4), 8 * 8 * 9 * 2 * 8),
        (keras.layers.DepthwiseConv2D(3, depth_multiplier=2), (10, 10, 4), 8 * 8 * 9 * 4 * 2),
        (keras.layers.Dense(5), (7,), 35),
        (keras.layers.Dense(5), (2, 3, 7), 6 * 35),
        (keras.layers.BatchNormalization(), (10, 10, 4), 0),
    ],
    ids=["conv", "strided", "grouped", "depthwise", "dense", "dense map", "normalisation"],
)
def test_macs_by_hand(layer, shape, macs):
    assert zoo.models.count_macs(one_layer(layer, shape)) == macs


def test_a_kernel_that_cannot_be_counted_is_an_error():
    model = one_layer(keras.layers.Conv2DTranspose(4, 3, name="up"), (8, 8, 3))
    with pytest.raises(ValueError, match=r"layer 'up': got type=Conv2DTranspose; expected Conv2D"):
        zoo.models.count_macs(model)


def test_trainable_values_leave_statistics_and_frozen_layers_out():
    model = one_layer(keras.layers.BatchNormalization(), (10, 10, 4))
    assert zoo.models.count_trainable(model) == 8
    assert model.count_params() == 16
    model.layers[-1].trainable = False
    assert zoo.models.count_trainable(model) == 0
