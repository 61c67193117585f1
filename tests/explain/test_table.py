"""Tables of networks: AlexNet's is that of the lecture, totals are those of the zoo's counting."""

from __future__ import annotations

import keras
import pytest

import zoo
from zoo.explain.table import as_markdown, layer_table, totals
from zoo.weights.unallocated import shapes_of

# Justin Johnson, EECS 498-007, University of Michigan, lecture 8, "AlexNet": torchvision's network
# for images of 227x227. Its own formulas, C_out (C_in K^2 + 1) parameters, C_out H W C_in K^2
# multiply-adds and 4 C H W / 1024 KB, of its sizes: input, filters, kernel, stride, padding,
# output, KB, parameters, multiply-adds.
LECTURE = [
    ("conv1", (227, 227, 3), 64, 11, 4, 2, (56, 56, 64), 784.0, 23296, 72855552),
    ("pool1", (56, 56, 64), None, 3, 2, 0, (27, 27, 64), 182.25, 0, 419904),
    ("conv2", (27, 27, 64), 192, 5, 1, 2, (27, 27, 192), 546.75, 307392, 223948800),
    ("pool2", (27, 27, 192), None, 3, 2, 0, (13, 13, 192), 126.75, 0, 292032),
    ("conv3", (13, 13, 192), 384, 3, 1, 1, (13, 13, 384), 253.5, 663936, 112140288),
    ("conv4", (13, 13, 384), 256, 3, 1, 1, (13, 13, 256), 169.0, 884992, 149520384),
    ("conv5", (13, 13, 256), 256, 3, 1, 1, (13, 13, 256), 169.0, 590080, 99680256),
    ("pool5", (13, 13, 256), None, 3, 2, 0, (6, 6, 256), 36.0, 0, 82944),
    ("flatten", (6, 6, 256), None, None, None, None, (9216,), 36.0, 0, 0),
    ("fc6", (9216,), None, None, None, None, (4096,), 16.0, 37752832, 37748736),
    ("fc7", (4096,), None, None, None, None, (4096,), 16.0, 16781312, 16777216),
    ("fc8", (4096,), None, None, None, None, (1000,), 3.90625, 4097000, 4096000),
]


def test_alexnet_is_the_lectures():
    model = shapes_of("alexnet_owt", input_shape=(227, 227, 3))
    rows = layer_table(model)
    both = {x: (x, x) if x is not None else None for x in (None, 0, 1, 2, 3, 4, 5, 11)}
    assert [
        (row.input_size, row.filters, row.kernel, row.stride, row.padding, row.output_size,
         row.memory_kb, row.parameters, row.operations) for row in rows
    ] == [
        (size, filters, both[kernel], both[stride], both[padding], *rest)
        for _, size, filters, kernel, stride, padding, *rest in LECTURE
    ]
    text = as_markdown(rows)
    assert ("| stage1_conv1 | Conv2D | 3 x 227 x 227 | 64 | 11 | 4 | 2 | 64 x 56 x 56 | 784 | 23.3 "
            "| 72.9 |") in text
    assert text.splitlines()[-1].endswith("| 2,339 | 61,101 | 717.6 |")


@pytest.mark.parametrize("name, options", [
    ("resnet18_v2", {}), ("lenet5", {}), ("alexnet", {}),
])
def test_totals_are_those_of_the_zoos_counting(name, options):
    model = shapes_of(name, **options)
    rows = layer_table(model)
    _, parameters, operations = totals(rows)
    assert parameters == zoo.models.count_trainable(model)
    pooling = sum(row.operations for row in rows if "Pooling" in row.kind)
    assert operations - pooling == zoo.models.count_macs(model)


def test_padding_of_one_side_is_told():
    conv = keras.layers.Conv2D(2, 3, strides=2, padding="same")
    rows = layer_table(keras.Sequential([keras.Input((8, 8, 3)), conv]))
    assert (rows[0].padding, rows[0].padding_after) == ((0, 0), (1, 1))
    assert "| 0+1 |" in as_markdown(rows[:1])


def test_a_model_for_any_size_is_told():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="expected a height and a width"):
        layer_table(model)
