"""VGG: table 1 of the paper, stages, the batch-normalised form, options."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo.models
from zoo.models import family, vgg

# Table 1 of arXiv:1409.1556, columns A, B, D, E; M for a pooling.
TABLE = {
    11: "64 M 128 M 256 256 M 512 512 M 512 512 M",
    13: "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


@pytest.mark.parametrize("suffix", ["", "_bn"])
@pytest.mark.parametrize("depth", TABLE)
def test_layers_are_those_of_the_paper(depth, suffix):
    model = zoo.models.create_model(f"vgg{depth}{suffix}", width=0.125)
    kinds = {keras.layers.Conv2D: lambda x: str(8 * x.filters),
             keras.layers.MaxPooling2D: lambda x: "M"}
    column = [kinds[type(x)](x) for x in model.layers if type(x) in kinds]
    assert " ".join(column) == TABLE[depth]
    convs = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    dense = [x for x in model.layers if isinstance(x, keras.layers.Dense)]
    assert len(convs) + len(dense) == depth
    assert {x.kernel.shape[:2] for x in convs} == {(3, 3)}
    assert [x.units for x in dense] == [512, 512, 1000]
    norms = [x.name for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms == [x.name.replace("conv", "bn") for x in convs if suffix]
    assert {x.use_bias for x in convs} == {not suffix}


def test_stages_end_before_they_shrink():
    names = [layer.name for layer in zoo.models.create_model("vgg11_bn", width=0.125).layers]
    assert names[:9] == [
        "images", "stage1_conv1", "stage1_bn1", "stage1_act1",
        "stage2_pool", "stage2_conv1", "stage2_bn1", "stage2_act1", "stage3_pool",
    ]  # fmt: skip
    assert names[names.index("final_pool") :] == [
        "final_pool", "head_flatten", "head_dense1", "head_dense1_act", "head_dropout1",
        "head_dense2", "head_dense2_act", "head_dropout", "head_dense",
    ]  # fmt: skip


@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_without_classifier_the_last_pooling(pooling):
    model = zoo.models.create_model(
        "vgg13", input_shape=(67, 95, 1), width=0.125, include_top=False, pooling=pooling
    )
    images = np.random.default_rng(7).standard_normal((2, 67, 95, 1)).astype("float32")
    last, output = keras.Model(
        model.input, [model.get_layer("final_pool").output, model.output]
    )(images)
    assert last.shape == (2, 2, 2, 64)
    functions = {None: lambda x, axis: x, "avg": np.mean, "max": np.max}
    expected = functions[pooling](last.numpy(), axis=(1, 2))
    np.testing.assert_allclose(output, expected, rtol=1e-5)


def test_smallest_input():
    model = zoo.models.create_model("vgg11", input_shape=(32, 32, 3), width=0.125)
    assert model.get_layer("final_pool").output.shape[1:3] == (1, 1)
    assert model.get_layer("head_flatten").input.shape[1:3] == (7, 7)
    with pytest.raises(ValueError, match=r"got input_shape=\(31, 32, 3\); expected .* >= 32"):
        zoo.models.create_model("vgg11", input_shape=(31, 32, 3))
    variant = vgg.MODELS["vgg11"]
    with pytest.raises(ValueError):
        variant.build(keras.Input((31, 32, 3)), family.Head(3), **variant.deltas)


def test_options():
    small = {"input_shape": (32, 32, 3), "num_classes": 3, "width": 0.125}
    with pytest.raises(ValueError, match="got width=0; expected a number over 0"):
        zoo.models.create_model("vgg11", **{**small, "width": 0})
    with pytest.raises(ValueError, match="got activation='rely'; expected the name of a Keras"):
        zoo.models.create_model("vgg11", **small, activation="rely")
    with pytest.raises(ValueError, match="model 'vgg11' has no batch normalisation"):
        zoo.models.create_model("vgg11", **small, bn_epsilon=1e-3)
    model = zoo.models.create_model(
        "vgg11_bn", **small, activation="prelu", dropout=0.25, bn_epsilon=1e-3
    )
    kinds = {kind: [x for x in model.layers if isinstance(x, kind)] for kind in (
        keras.layers.PReLU, keras.layers.Dropout, keras.layers.BatchNormalization
    )}
    slopes, dropouts, norms = kinds.values()
    assert (len(slopes), len(norms)) == (10, 8)
    assert [x.rate for x in dropouts] == [0.25, 0.25]
    assert {x.epsilon for x in norms} == {1e-3}
