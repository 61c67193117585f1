"""MobileNet v1, v2, v3 and EfficientNet-Lite: widths, strides, blocks, options."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from forward import images_like, outputs

import zoo.finetune
import zoo.models
from zoo.models import mobilenet_v2

# Strides of the stages; a quarter of them for small images, where the first two strides go.
STRIDES = {
    "mobilenet_v1_025": [2, 4, 8, 16, 32],
    "mobilenet_v2_025": [2, 4, 8, 16, 32],
    "mobilenet_v3_large_075": [2, 4, 8, 16, 32],
    "mobilenet_v3_small_050": [4, 8, 16, 32],
}
DROPOUTS = {
    "mobilenet_v1_025": [], "mobilenet_v2_025": [0.2], "mobilenet_v3_small_050": [0.2],
    "efficientnet_lite2": [0.3],
}  # fmt: skip
ERRORS = {
    "width": ({"width": 0}, "got width=0; expected a number over 0"),
    "activation": (
        {"activation": "rely"},
        "got activation='rely'; expected the name of a Keras activation, as 'relu'",
    ),
    "small_input": ({"small_input": "yes"}, "got small_input='yes'; expected True or False"),
}


@functools.cache
def create(name: str, **options) -> keras.Model:
    """One of a kind: building takes most of these tests' time."""
    options = {"input_shape": (32, 32, 3), "num_classes": 3, **options}
    return zoo.models.create_model(name, **options)


def random_weights(model: keras.Model) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [
        (0.5 + rng.random(w.shape) if w.name == "moving_variance"
         else rng.standard_normal(w.shape) * (2 / max(1, np.prod(w.shape[:-1]))) ** 0.5)
        for w in model.weights if w.dtype == "float32"
    ]  # fmt: skip


@pytest.mark.parametrize("small_input", [False, True])
@pytest.mark.parametrize("name", STRIDES)
def test_strides(name, small_input):
    stages = zoo.finetune.stages(create(name, **({"small_input": True} if small_input else {})))
    quarter = 4 if small_input else 1
    expected = [max(1, stride // quarter) for stride in STRIDES[name]]
    assert [stages.pop("stem").stride, *(x.stride for x in stages.values())] == [
        1 if small_input else 2, *expected
    ]
    assert list(stages) == [f"stage{i}" for i in range(1, len(expected) + 1)]


@pytest.mark.parametrize(
    ("wide", "width", "narrow"),
    [
        ("mobilenet_v1_100", 0.25, "mobilenet_v1_025"),
        ("mobilenet_v2_100", 0.25, "mobilenet_v2_025"),
        ("mobilenet_v3_small_100", 0.5, "mobilenet_v3_small_050"),
    ],
)
def test_width_is_the_multiplier_of_the_names(wide, width, narrow):
    shapes = [w.shape for w in create(wide, width=width).weights]
    assert shapes == [w.shape for w in create(narrow).weights]
    assert shapes[0] == (3, 3, 3, 16 if "v3" in wide else 8)


def test_channels_are_rounded_to_a_multiple_of_8_but_by_gluoncv():
    # Never less than 0.9 of what was asked for; no less than 8.
    assert [mobilenet_v2.rounded(x) for x in (3, 11.2, 12, 18, 19.9, 20, 1280)] == [
        8, 16, 16, 24, 24, 24, 1280
    ]
    ends = {
        name: [stage.channels for stage in zoo.finetune.stages(create(name)).values()]
        for name in ("mobilenet_v2_025", "gluon_mobilenet_v2_025")
    }
    assert ends == {
        "mobilenet_v2_025": [8, 8, 8, 8, 24, 80],
        "gluon_mobilenet_v2_025": [8, 4, 6, 8, 24, 80],
    }


def test_depth_multiplies_all_rows_but_the_first_and_last():
    rows = mobilenet_v2.scaled_rows(mobilenet_v2.ROWS, 1.1, 1.2)
    assert [(row.filters, row.repeats) for row in rows] == [
        (16, 1), (24, 3), (32, 4), (72, 5), (104, 4), (176, 4), (352, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["mobilenet_v2_025", "mobilenet_v3_small_050"])
def test_zero_gamma_starts_blocks_with_a_shortcut_as_their_input(name):
    model = create(name, zero_gamma=True)
    names = [layer.name for layer in model.layers]
    blocks = {name.rpartition("_")[0] for name in names if name.endswith("_add")}
    assert len(blocks) == {"2": 11, "3": 7}[name[11]]
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    zero = [x.name for x in norms if not keras.ops.convert_to_numpy(x.gamma).any()]
    last = {x.name.rpartition("_")[0]: x.name for x in norms}
    assert zero == [last[block] for block in last if block in blocks]
    adds = [model.get_layer(f"{block}_add") for block in blocks]
    pairs = [(x.input[0], x.output) for x in adds]
    for before, after in keras.Model(model.input, pairs)(images_like((32, 32, 3))):
        np.testing.assert_array_equal(before, after)
        assert np.abs(after).max() > 0


def test_only_residual_networks_have_zero_gamma():
    gammas = [w for w in create("mobilenet_v2_025").weights if w.name == "gamma"]
    assert {float(keras.ops.min(gamma)) for gamma in gammas} == {1.0}
    with pytest.raises(ValueError, match="unknown option 'zero_gamma' for model 'mobilenet_v1"):
        create("mobilenet_v1_100", zero_gamma=True)


def test_blocks_of_v2():
    model = create("mobilenet_v2_025")
    names = [layer.name for layer in model.layers if not layer.name.endswith("_pad")]
    assert names[:9] == [
        "images", "stem_conv", "stem_bn", "stem_act", "stage1_block1_conv1", "stage1_block1_bn1",
        "stage1_block1_act1", "stage1_block1_conv2", "stage1_block1_bn2",
    ]  # fmt: skip
    first = names.index("stage2_block2_conv1")
    assert names[first : first + 9] == [
        f"stage2_block2_{part}"
        for part in ("conv1", "bn1", "act1", "conv2", "bn2", "act2", "conv3", "bn3", "add")
    ]
    assert names[-7:] == [
        "stage5_block4_bn3", "final_conv", "final_bn", "final_act", "head_pool", "head_dropout",
        "head_dense",
    ]  # fmt: skip


def test_squeeze_and_excitation_by_hand():
    model = create("mobilenet_v3_small_050")
    model.set_weights(random_weights(model))
    block = "stage1_block1"
    maps, scaled = outputs(model, [f"{block}_act1", f"{block}_se_scale"], images_like((32, 32, 3)))
    (kernel1, bias1), (kernel2, bias2) = (
        [keras.ops.convert_to_numpy(w) for w in model.get_layer(f"{block}_se_conv{i}").weights]
        for i in (1, 2)
    )
    assert kernel1.shape == (1, 1, 16, 8)  # a quarter of 16, but no less than 8
    hidden = np.maximum(0, maps.mean(axis=(1, 2)) @ kernel1[0, 0] + bias1)
    factors = np.clip((hidden @ kernel2[0, 0] + bias2 + 3) / 6, 0, 1)
    assert factors.std() > 0.01
    np.testing.assert_allclose(scaled, maps * factors[:, None, None], rtol=1e-4, atol=1e-6)


def test_activation_of_v3_is_in_place_of_hard_swish():
    found = {}
    for activation in ("hard_swish", "prelu"):
        options = {} if activation == "hard_swish" else {"activation": activation}
        model = create("mobilenet_v3_small_050", **options)
        found[activation] = {
            layer.name: getattr(layer, "activation", keras.activations.hard_swish)
            for layer in model.layers if layer.name.rstrip("0123456789").endswith("_act")
        }
        names = [layer.name for layer in model.layers]
        assert names[-5:] == [
            "head_pool", "head_dense1", "head_dense1_act", "head_dropout", "head_dense"
        ]
    assert found["hard_swish"] == found["prelu"]
    kinds = list(found["hard_swish"].values())
    # Stem, 8 blocks of two, last convolution, head; ReLU: 3 blocks, 9 squeezes.
    assert kinds.count(keras.activations.hard_swish) == 1 + 16 + 1 + 1
    assert kinds.count(keras.activations.relu) == 1 + 2 + 2 + 9
    assert kinds.count(keras.activations.hard_sigmoid) == 9


def test_activations_of_v1():
    for name, expected in {"025": "relu", "100_relu6": "relu6", "100h": "relu6"}.items():
        options = {} if name == "025" else {"width": 0.25}
        model = create(f"mobilenet_v1_{name}", **options)
        acts = [x for x in model.layers if isinstance(x, keras.layers.Activation)]
        assert {x.activation for x in acts} == {keras.activations.get(expected)}
        assert len(acts) == 27 + name.endswith("h")


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite0_torch"])
def test_padding_where_an_even_side_is_halved(name):
    model = create(name, input_shape=(40, 40, 3))
    model.set_weights(random_weights(model))
    convs = ["stem_conv", "stage2_block1_conv2", "stage3_block1_conv2"]
    before, (maps, *depthwise) = (
        outputs(model, names, images_like((40, 40, 3)))
        for names in (["stage2_block1_act1", "stage3_block1_act1"], convs)
    )
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    if not name.endswith("_torch"):
        padding = dict.fromkeys((3, 5), "SAME")  # one more below than above
        assert {x.epsilon for x in norms} == {1e-3}
    else:
        padding = {k: [[0, 0], [k // 2] * 2, [k // 2] * 2, [0, 0]] for k in (3, 5)}
        assert {x.epsilon for x in norms} == {1e-5}
    stem, *kernels = (model.get_layer(conv).kernel for conv in convs)
    expected = tf.nn.conv2d(images_like((40, 40, 3)), stem, 2, padding[3])
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5)
    for x, kernel, after, side in zip(before, kernels, depthwise, (3, 5), strict=True):
        assert kernel.shape[:2] == (side, side) and x.shape[1] % 2 == 0
        expected = tf.nn.depthwise_conv2d(x, kernel, [1, 2, 2, 1], padding[side])
        np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-5)


def test_default_dropout_is_only_before_a_classifier():
    def rates(model: keras.Model) -> list[float]:
        return [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]

    assert {name: rates(create(name)) for name in DROPOUTS} == DROPOUTS
    for name in ("mobilenet_v2_025", "mobilenet_v3_small_050"):
        options = {"include_top": False, "num_classes": None, "pooling": "avg"}
        model = create(name, **options)
        assert [x.name for x in model.layers][-2:] == [
            {"2": "final_act", "3": "final_act1"}[name[11]], "head_pool"
        ]
        with pytest.raises(ValueError, match="without its classifier has no dropout before it"):
            create(name, **options, dropout=0.2)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mobilenet_v1_025", (1, 1, 3)),
        ("mobilenet_v2_025", (28, 28, 1)),
        ("mobilenet_v3_small_050", (33, 47, 4)),
    ],
)
def test_any_size_and_any_number_of_channels(name, shape):
    model = create(name, input_shape=shape)
    images = np.random.default_rng(7).standard_normal((2, *shape)).astype("float32")
    logits = model(images, training=False)
    assert logits.shape == (2, 3) and np.ptp(logits) > 0


@pytest.mark.parametrize("name", STRIDES)
@pytest.mark.parametrize("case", ERRORS)
def test_option_errors(name, case):
    options, message = ERRORS[case]
    with pytest.raises(ValueError) as error:
        create(name, **options)
    assert str(error.value) == message
