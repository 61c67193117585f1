"""AlexNet: response normalisation, groups, and the dense end that ZFNet and VGG share."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from forward import images_like, outputs

import zoo.models
from zoo.models import alexnet, blocks, family

TINY = {"input_shape": (63, 63, 3), "width": 0.125, "num_classes": 3}
ERRORS = {
    "groups": ({"groups": 3}, "got groups=3; expected one of [1, 2]"),
    "half a group": ({"groups": 0.5}, "got groups=0.5; expected one of [1, 2]"),
    "lrn": ({"lrn": 1}, "got lrn=1; expected True or False"),
    "width": ({"width": -1}, "got width=-1; expected a number over 0"),
    "activation": (
        {"activation": "rely"},
        "got activation='rely'; expected the name of a Keras activation, as 'relu'",
    ),
    "dropout": ({"dropout": 1.0}, "got dropout=1.0; expected a number in [0, 1)"),
    "dropout and no top": (
        {"dropout": 0.5, "include_top": False, "num_classes": None},
        "a model without its classifier has no dropout before it: "
        "got dropout=0.5; expected 0 with include_top=False",
    ),
    "side": (
        {"input_shape": (63, 62, 3)},
        "got input_shape=(63, 62, 3); expected a height and width >= 63",
    ),
    "the tower's groups": (
        {"name": "alexnet_owt", "groups": 1},
        "unknown option 'groups' for model 'alexnet_owt'; "
        "it takes: activation, bn_epsilon, bn_momentum, dropout, kernel_initializer, width",
    ),
}


def response_norm(x: np.ndarray, size=5, alpha=1e-4, beta=0.75, k=2.0) -> np.ndarray:
    """Krizhevsky et al. 2012, section 3.3, channel by channel."""
    x = x.astype("float64")
    y = np.empty_like(x)
    for i in range(x.shape[-1]):
        near = x[..., max(0, i - size // 2) : i + (size - 1) // 2 + 1]
        y[..., i] = x[..., i] / (k + alpha * (near**2).sum(-1)) ** beta
    return y


def normalised(x: np.ndarray, **constants) -> np.ndarray:
    images = keras.Input(x.shape[1:])
    model = keras.Model(images, blocks.local_response_norm(images, name="norm", **constants))
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.parametrize("constants", [{}, {"size": 4, "alpha": 0.5, "beta": 0.3, "k": 1.0}])
def test_response_norm_is_the_papers(constants):
    x = 60 * images_like((3, 5, 7))
    expected = response_norm(x, **constants)
    assert np.abs(expected - x / 2**0.75).max() > 1
    np.testing.assert_allclose(normalised(x, **constants), expected, rtol=2e-6)


def test_response_norm_is_pytorchs_at_size_times_alpha():
    x = np.arange(-60, 180, 30, dtype="float32").reshape(1, 1, 1, 8)
    # torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    pytorch = [-30.63914819, -14.91062910, 0, 12.11539699, 18.79653756, 21.02586666, 28.30988853,
               36.84734847]
    np.testing.assert_allclose(normalised(x)[0, 0, 0], pytorch, rtol=2e-6)


def test_normalisation_stands_between_relu_and_pooling():
    keras.utils.set_random_seed(7)
    model = zoo.models.create_model("alexnet", **TINY)
    plain = zoo.models.create_model("alexnet", **TINY, lrn=False)
    plain.set_weights(model.get_weights())
    images = 300 * images_like(TINY["input_shape"])
    for before, after in (("stage1_act1", "stage2_pool"), ("stage2_act1", "stage3_pool")):
        x, pooled = outputs(model, [before, after], images)
        assert x.max() > 30
        expected = tf.nn.max_pool2d(response_norm(x).astype("float32"), 3, 2, "VALID")
        np.testing.assert_allclose(pooled, expected, rtol=1e-5, atol=1e-6)
        x, pooled = outputs(plain, [before, after], images)
        np.testing.assert_allclose(pooled, tf.nn.max_pool2d(x, 3, 2, "VALID"))


def test_groups_cut_the_links_of_three_convolutions():
    shapes = {
        groups: [
            layer.kernel.shape
            for layer in zoo.models.create_model("alexnet", **TINY, groups=groups).layers
            if isinstance(layer, keras.layers.Conv2D)
        ]
        for groups in (1, 2)
    }
    assert shapes[1] == [(11, 11, 3, 12), (5, 5, 12, 32), (3, 3, 32, 48), (3, 3, 48, 48),
                         (3, 3, 48, 32)]
    halves = [shape[2] / halved[2] for shape, halved in zip(shapes[1], shapes[2], strict=True)]
    assert halves == [1, 2, 1, 2, 2]
    assert [shape[3] for shape in shapes[2]] == [shape[3] for shape in shapes[1]]


def test_one_group_has_the_parameters_of_the_network_on_one_gpu(monkeypatch):
    monkeypatch.setattr(blocks, "KERNEL_INITIALIZER", "zeros")
    # The kernels' inputs double: 48 -> 96 of 5x5x256, 192 -> 384 of 3x3x384 and 3x3x256.
    more = 48 * 25 * 256 + 192 * 9 * (384 + 256)
    info = zoo.models.model_info("alexnet", groups=1)
    assert info.trainable_parameters == 60_965_224 + more == 62_378_344


def test_any_width_splits_into_two_groups_and_learns():
    options = {**TINY, "width": 0.03, "activation": "tanh"}  # tanh: no unit is dead by chance
    model = zoo.models.create_model("alexnet", **options)
    filters = [x.filters for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert filters == [2, 8, 12, 12, 8]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(images_like(TINY["input_shape"]), training=False) ** 2)
    for weight, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path


@pytest.mark.parametrize(("arguments", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(arguments, message):
    with pytest.raises(ValueError) as error:
        zoo.models.create_model(**{"name": "alexnet", **TINY, **arguments})
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["alexnet", "alexnet_owt"])
def test_smallest_input(name):
    model = zoo.models.create_model(name, **TINY, dropout=0)
    assert model.get_layer("final_pool").output.shape[1:3] == (1, 1)
    logits = tf.function(model)(images_like(TINY["input_shape"]))  # a graph is stricter
    assert np.isfinite(logits).all()
    variant = alexnet.MODELS[name]
    with pytest.raises(ValueError):
        variant.build(keras.Input((62, 63, 3)), family.Head(3), **variant.deltas)


@pytest.mark.parametrize(("dropout", "rates"), [(None, [0.5, 0.5]), (0.2, [0.2, 0.2]), (0, [])])
def test_dropout_follows_each_hidden_layer(dropout, rates):
    layers = zoo.models.create_model("alexnet_owt", **TINY, dropout=dropout).layers
    dropouts = [i for i, x in enumerate(layers) if isinstance(x, keras.layers.Dropout)]
    assert [layers[i].rate for i in dropouts] == rates
    before = [layers[i - 1].name for i in dropouts]
    assert before == ["head_dense1_act", "head_dense2_act"][: len(rates)]


def test_options_reach_every_layer():
    model = zoo.models.create_model("alexnet", **TINY, activation="prelu")
    slopes = [x for x in model.layers if isinstance(x, keras.layers.PReLU)]
    assert len(slopes) == 7
    dense = [x.units for x in model.layers if isinstance(x, keras.layers.Dense)]
    assert dense == [512, 512, 3]


def test_without_classifier_the_last_pooling():
    model = zoo.models.create_model("alexnet", include_top=False, width=0.125)
    assert model.layers[-1].name == "final_pool"
    assert model.output.shape == (None, 6, 6, 32)


def adaptive_average(x: np.ndarray, grid: int) -> np.ndarray:
    """PyTorch's windows: from floor(i h / grid) to ceil((i + 1) h / grid)."""
    rows, columns = (
        [(i * side // grid, -(-(i + 1) * side // grid)) for i in range(grid)]
        for side in x.shape[1:3]
    )
    return np.stack(
        [np.stack([x[:, a:b, c:d].mean((1, 2)) for c, d in columns], 1) for a, b in rows], 1
    )


@pytest.mark.parametrize(
    ("name", "shape", "maps", "grid", "policy", "tolerance"),
    [
        ("alexnet", (300, 95, 3), (8, 2), 6, "float32", 1e-6),
        ("alexnet_owt", (300, 63, 3), (8, 1), 6, "float32", 1e-6),
        ("zfnet", (277, 149, 3), (8, 4), 6, "float32", 1e-6),
        ("vgg11", (353, 97, 3), (11, 3), 7, "float32", 1e-6),
        ("vgg11", (32, 32, 3), (1, 1), 7, "mixed_bfloat16", 0),
        ("alexnet_owt", (300, 95, 3), (8, 2), 6, "mixed_bfloat16", 0.02),
        ("vgg11", (353, 97, 3), (11, 3), 7, "mixed_float16", 2e-3),
    ],
)
def test_other_sizes_are_averaged_to_the_grid(name, shape, maps, grid, policy, tolerance):
    keras.config.set_dtype_policy(policy)
    model = zoo.models.create_model(name, input_shape=shape, width=0.03, num_classes=3)
    last, vectors = model.get_layer("final_pool"), model.get_layer("head_flatten")
    assert tuple(last.output.shape[1:3]) == maps
    average = keras.Model(last.output, vectors.input)
    x = tf.cast(images_like(last.output.shape[1:]), last.compute_dtype)
    averaged = tf.function(average, jit_compile=True)(x)
    assert averaged.dtype == last.compute_dtype
    expected = adaptive_average(x.numpy().astype("float64"), grid)
    assert np.abs(averaged.numpy().astype("float64") - expected).max() <= tolerance


@pytest.mark.parametrize("name", ["alexnet", "alexnet_owt", "zfnet", "vgg16"])
def test_the_papers_size_is_not_averaged(name):
    names = [layer.name for layer in zoo.models.create_model(name, width=0.03).layers]
    flatten = names.index("head_flatten")
    assert names[flatten - 1] == "final_pool"
