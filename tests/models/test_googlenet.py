"""GoogLeNet: Table 1 of the paper, poolings, normalisation, auxiliary heads, options."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from forward import images_like

import zoo.models
import zoo.weights
from tests.weights.test_parity import FIXTURES, shapes_of, synthetic
from zoo.models import family, googlenet

# torchvision 0.28 on the fixture's weights and an image of 63x124: the first four logits.
TORCHVISION = {
    "logits": [-0.0637, -0.0429, -0.0855, -0.1471],
    "aux1": [-0.0810, 0.0882, -0.5189, -0.5827],
    "aux2": [0.1570, -0.1602, 0.2778, -0.2304],
}
SMALL = {"input_shape": (31, 31, 3), "num_classes": 3, "width": 0.1}


def check_layers(model: keras.Model, sides: list[tuple[int, int]]) -> None:
    """Depths of Table 1, and that each stage ends with its blocks, before its map shrinks."""
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    depths = [shape[2] for name, shape in shapes.items() if name.endswith("concat")]
    width = depths[-1] / 1024
    assert depths == [width * x for x in (256, 480, 512, 512, 512, 528, 832, 832, 1024)]
    last = {layer[:6]: layer for layer in shapes if layer.startswith("stage")}
    assert list(last.values()) == [
        *("stage1_act", "stage2_act2", "stage3_block2_concat", "stage4_block5_concat"),
        "stage5_block2_concat",
    ]
    assert [shapes[name][:2] for name in last.values()] == sides


@pytest.mark.parametrize("sides", [(8, 6), (7, 9), (8, 7), (5, 4), (2, 3)])
@pytest.mark.parametrize("window", [2, 3])
def test_pooling_keeps_windows_that_hang_over_the_edge(window, sides):
    maps = images_like((*sides, 2), count=1) - 3  # below zero: padded zeros would win
    rows, columns = (range(0, max(side - window + 1, 0) + 1, 2) for side in sides)
    expected = [[maps[:, i : i + window, j : j + window].max((1, 2)) for j in columns if
                 j < sides[1]] for i in rows if i < sides[0]]
    pooled = googlenet._max_pool(keras.ops.convert_to_tensor(maps), window, name="pool")
    np.testing.assert_array_equal(pooled, np.transpose(expected, (2, 0, 1, 3)))
    assert pooled.shape[1:3] == tuple(math.ceil(max(side - window, 0) / 2) + 1 for side in sides)


def test_response_normalisation_stands_round_the_first_convolutions():
    keras.utils.set_random_seed(0)  # with small weights the last line fails
    model = zoo.models.create_model("googlenet", **SMALL, activation="prelu", dropout=0.25)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert (kinds.count("PReLU"), kinds.count("Activation")) == (57, 0)
    assert model.get_layer("head_dropout").rate == 0.25
    assert model.get_layer("stage5_block2_concat").output.shape[1:3] == (1, 1)
    places = {"stage2_pool": "stage2_conv1", "stage2_act2": "stage3_pool"}
    pairs = [(model.get_layer(a).output, model.get_layer(b).input) for a, b in places.items()]
    images = 1e3 * images_like((31, 31, 3), count=1)
    *pairs, logits = keras.Model(model.input, [*pairs, model.output])(images)
    assert np.isfinite(logits).all()
    for before, after in pairs:
        before = np.asarray(before)
        squares = np.pad(before**2, ((0, 0), (0, 0), (0, 0), (2, 2)))
        sums = sum(squares[..., i : i + before.shape[-1]] for i in range(5))
        np.testing.assert_allclose(after, before / (2 + 1e-4 * sums) ** 0.75, rtol=1e-5)
        assert sums.max() > 100  # a hundredth, against the tolerance of 1e-5


def test_the_form_of_torchvision(monkeypatch):
    monkeypatch.setattr(zoo.models.blocks, "KERNEL_INITIALIZER", "zeros")
    data = np.load(FIXTURES / "torchvision-googlenet.npz")
    tensors = {name: synthetic(name, shape) for name, shape in shapes_of(data).items()}
    model = zoo.weights.load_pretrained(
        "torchvision:googlenet", tensors, input_shape=(63, 124, 3), aux_heads=True
    )
    assert zoo.models.count_trainable(model) == int(data["params"])
    outputs = model(images_like((63, 124, 3), count=1), training=False)
    assert set(outputs) == set(TORCHVISION)
    for name, values in TORCHVISION.items():
        np.testing.assert_allclose(outputs[name][0, :4], values, atol=6e-5)
    check_layers(model, [(32, 62), (16, 31), (8, 15), (4, 7), (2, 4)])
    convs = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert {x.kernel_size[0] for x in convs} == {1, 3, 7}
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {x.name for x in norms} == {x.name.replace("conv", "bn") for x in convs}
    assert {x.epsilon for x in norms} == {1e-3}


def test_the_form_of_the_paper():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = zoo.models.create_model(
        "googlenet", num_classes=5, width=0.125, aux_heads=True, classifier_activation="softmax"
    )
    check_layers(model, [(side, side) for side in (112, 56, 28, 14, 7)])
    layers = {layer.name: layer for layer in model.layers}
    convs = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert [x.kernel_size[0] for x in convs].count(5) == 9
    assert all(x.use_bias for x in convs)
    assert layers["head_dropout"].rate == 0.4
    assert layers["aux1_pool"].input is layers["stage4_block1_concat"].output
    assert layers["aux2_pool"].input is layers["stage4_block4_concat"].output
    assert layers["aux1_flatten"].input.shape == (None, 4, 4, 16)
    assert (layers["aux2_dense1"].units, layers["aux2_dropout"].rate) == (128, 0.7)
    outputs = model(images_like((224, 224, 3), count=1))
    assert set(outputs) == {"logits", "aux1", "aux2"}
    for probabilities in outputs.values():
        assert (probabilities.shape, probabilities.dtype) == ((1, 5), "float32")
        np.testing.assert_allclose(np.sum(probabilities), 1, atol=1e-5)


@pytest.mark.parametrize(("name", "side", "grid"), [("googlenet", 79, 5), ("googlenet_bn", 31, 2)])
def test_smallest_images_of_auxiliary_heads(name, side, grid):
    shape = (side, side + 30, 1)
    model = zoo.models.create_model(
        name, input_shape=shape, num_classes=3, width=0.1, aux_heads=True
    )
    assert min(model.get_layer("stage4_block1_concat").output.shape[1:3]) == grid
    outputs = model(images_like(shape, count=1))
    assert {x: y.shape for x, y in outputs.items()} == dict.fromkeys(TORCHVISION, (1, 3))
    shape = (side + 30, side - 1, 1)
    with pytest.raises(ValueError) as error:
        zoo.models.create_model(name, input_shape=shape, aux_heads=True)
    assert str(error.value) == (
        f"auxiliary heads need larger images: got input_shape={shape}; "
        f"expected a height and width >= {side} with aux_heads=True"
    )


def test_smallest_input():
    model = zoo.models.create_model(
        "googlenet_bn", input_shape=(15, 15, 1), width=0.125, include_top=False
    )
    features = model(images_like((15, 15, 1), count=1))
    assert features.shape == (1, 1, 1, 128)
    assert np.isfinite(features).all()
    for name, side in (("googlenet", 31), ("googlenet_bn", 15)):
        with pytest.raises(ValueError, match=f"expected a height and width >= {side}"):
            zoo.models.create_model(name, input_shape=(side - 1, side, 1))
        variant = googlenet.MODELS[name]
        with pytest.raises(ValueError, match="output size|dimension size"):
            variant.build(
                keras.Input((side - 1, side, 1)), family.Head(3), **variant.deltas, width=0.1
            )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "rely"}, "got activation='rely'; expected the name of a Keras activation"),
        ({"width": 0}, "got width=0; expected a number over 0"),
        ({"aux_heads": 2}, "got aux_heads=2; expected True or False"),
    ],
)
def test_errors_of_options(options, message):
    with pytest.raises(ValueError, match=message):
        zoo.models.create_model("googlenet", **{**SMALL, **options})


def test_heads_need_the_classifier():
    small = {"input_shape": (31, 31, 3), "width": 0.1, "include_top": False}
    with pytest.raises(ValueError, match="got dropout=0.4; expected 0 with include_top=False"):
        zoo.models.create_model("googlenet", **small, dropout=0.4)
    with pytest.raises(ValueError, match="got aux_heads=True; expected False with include_top=Fa"):
        zoo.models.create_model("googlenet", **small, aux_heads=True)


def test_windows_hang_over_the_edges_of_images_of_any_size():
    """Both parities of sides, at each pooling of stride 2."""
    options = {"include_top": False, "width": 0.03}
    any_size = zoo.models.create_model("googlenet_bn", input_shape=(None, None, 3), **options)
    fixed = zoo.models.create_model("googlenet_bn", input_shape=(50, 71, 3), **options)
    fixed.set_weights(any_size.get_weights())
    images = np.random.default_rng(0).normal(size=(1, 50, 71, 3)).astype("float32")
    np.testing.assert_array_equal(any_size(images), fixed(images))
