"""What is drawn: sizes, the colours of values, the blocks of networks, charts."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from PIL import Image

from zoo.explain.charts import costs_of_zoo, draw_bars, draw_zoo
from zoo.explain.diagram import blocks_of, draw_diagram
from zoo.explain.pictures import (
    as_levels,
    draw_channels,
    draw_examples,
    draw_filters,
    draw_map,
    draw_values,
)
from zoo.explain.table import layer_table
from zoo.weights.unallocated import shapes_of

GREY = np.full((240, 300, 3), 128, "uint8")


def test_a_map_has_the_images_size_and_a_bar():
    map_ = np.zeros((240, 300))
    map_[:120] = 2
    drawn = np.asarray(draw_map(map_, GREY, signed=False)).astype(int)
    assert drawn.shape == (240, 300 + 6 + 14 + 58, 3)
    assert drawn[60, 150].sum() > drawn[200, 150].sum()
    bar = drawn[:, 312].sum(-1)
    assert (np.diff(bar) <= 0).all() and bar[0] > bar[-1]  # bright is above


def test_signed_values_are_red_and_blue_and_the_picture_is_between():
    map_ = np.zeros((240, 300))
    map_[:80], map_[160:] = 1, -1
    red, pale, blue = (np.asarray(draw_map(map_, GREY, signed=True)).astype(int)[row, 150]
                       for row in (40, 120, 200))
    assert red[0] > red[2] + 50 and blue[2] > blue[0] + 50
    assert np.ptp(pale) <= 1 and pale[0] > 200


def test_small_images_are_enlarged_by_whole_pixels():
    drawn = np.asarray(draw_values(np.arange(9.0).reshape(3, 3), signed=False))
    squares = drawn[:, :225].reshape(3, 75, 3, 75, 3)
    assert (squares == squares[:, :1, :, :1]).all()


def test_nothing_to_show_is_drawn():
    """A map of zeros, of one value, of negative ones."""
    zeros = np.zeros((240, 300))
    for drawn in (draw_map(zeros, GREY, signed=False), draw_map(zeros, GREY, signed=True),
                  draw_values(zeros, signed=True), draw_values(zeros - 3, signed=False)):
        assert np.asarray(drawn).shape[0] == 240


def test_channels_and_filters_have_a_tile_each():
    maps = np.zeros((7, 9, 100), "float32")
    maps[..., 50:90] = 1
    assert draw_channels(maps, most=9).size[1] == draw_channels(maps, most=7).size[1]
    for channels, filters in ((1, 6), (3, 32), (2, 4)):
        draw_filters(np.random.default_rng(0).standard_normal((5, 5, channels, filters)))
    assert as_levels(np.full((4, 4, 2), (0, 300.0))).tolist() == np.full((4, 4, 3), 128).tolist()


def test_a_long_caption_does_not_reach_the_next_picture():
    drawn = np.asarray(draw_examples([[(GREY, "x" * 500), (GREY, "short")]], 100))
    assert (drawn[108:, 133:139] == 255).all() and (drawn[108:, :133] < 255).any()


def said(name):
    return [(block.count, block.text) for block in blocks_of(shapes_of(name))]


def test_blocks_of_networks():
    blocks = said("resnet18d")
    assert blocks[:7] == [
        (1, "3x3 32 / 2"), (1, "3x3 32"), (1, "3x3 64"), (1, "3x3 max / 2"),
        (2, "3x3 64 - 3x3 64 + input"),
        (1, "3x3 128 / 2 - 3x3 128 + shortcut"), (1, "3x3 128 - 3x3 128 + input"),
    ]
    assert len(blocks) == 13  # one page
    assert (1, "local response normalisation") in said("alexnet")


def test_diagrams_as_svg_and_png(tmp_path):
    model = shapes_of("lenet5")
    draw_diagram(model, tmp_path / "a.svg")
    draw_diagram(model, tmp_path / "a.png")
    text = (tmp_path / "a.svg").read_text()
    assert ">5x5 16</text>" in text and ">images</text>" in text
    assert Image.open(tmp_path / "a.png").size[0] > 500


def test_charts(tmp_path):
    costs = costs_of_zoo(["alexnet_owt", "alexnet"])
    known, unknown = costs
    assert (known.top_1, unknown.top_1) == (pytest.approx(56.5, abs=0.1), None)
    assert known.parameters == 61_100_840
    draw_zoo(costs, tmp_path / "zoo.png")
    draw_bars(layer_table(keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)])),
              "one layer", tmp_path / "bars.png")
    assert Image.open(tmp_path / "zoo.png").size == (1500, 800)
    assert Image.open(tmp_path / "bars.png").size[0] == 1200
