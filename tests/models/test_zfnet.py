"""ZFNet: the sizes of the paper's figure 3, and where it normalises."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo.models
from zoo.models import family, zfnet


def test_maps_are_those_of_the_paper():
    model = zoo.models.create_model("zfnet", width=0.0625)
    names = ("stage1_act1", "stage2_pool", "stage2_act1", "stage3_pool", "stage3_act1",
             "stage3_act2", "stage3_act3", "final_pool")
    shapes = [model.get_layer(name).output.shape[1:] for name in names]
    assert shapes == [
        (110, 110, 6), (55, 55, 6), (26, 26, 16), (13, 13, 16), (13, 13, 24),
        (13, 13, 24), (13, 13, 16), (6, 6, 16),
    ]  # fmt: skip
    dense = [x.units for x in model.layers if isinstance(x, keras.layers.Dense)]
    assert dense == [256, 256, 1000]


@pytest.mark.parametrize("lrn", [True, False])
def test_normalisation_stands_behind_the_poolings(lrn):
    keras.utils.set_random_seed(7)
    model = zoo.models.create_model("zfnet", input_shape=(64, 64, 3), width=0.0625, lrn=lrn)
    layers = ["stage1_act1", "stage2_pool", "stage2_act1", "stage3_pool"]
    outputs = [model.get_layer(name).output for name in layers]
    outputs += [model.get_layer(name).input for name in ("stage2_conv1", "stage3_conv1")]
    images = 1000 * np.random.default_rng(7).standard_normal((2, 64, 64, 3)).astype("float32")
    act1, pool1, act2, pool2, next1, next2 = keras.Model(model.input, outputs)(images)
    for before, pooled, after in ((act1, pool1, next1), (act2, pool2, next2)):
        padded = np.pad(before, ((0, 0), (1, 1), (1, 1), (0, 0)))
        np.testing.assert_allclose(pooled, tf.nn.max_pool2d(padded, 3, 2, "VALID"))
        norm = tf.nn.local_response_normalization(pooled, 2, bias=2, alpha=1e-4, beta=0.75)
        assert np.max(pooled / 2**0.75 - norm) > 0.1
        np.testing.assert_allclose(after, norm if lrn else pooled, rtol=1e-5, atol=1e-6)


def test_smallest_input():
    model = zoo.models.create_model("zfnet", input_shape=(53, 53, 1), width=0.0625)
    assert model.get_layer("final_pool").output.shape[1:3] == (1, 1)
    with pytest.raises(ValueError, match=r"got input_shape=\(53, 52, 1\); expected .* >= 53"):
        zoo.models.create_model("zfnet", input_shape=(53, 52, 1))
    with pytest.raises(ValueError):
        zfnet.zfnet(keras.Input((53, 52, 1)), family.Head(3))


def test_options():
    with pytest.raises(ValueError, match="got lrn=None; expected True or False"):
        zoo.models.create_model("zfnet", lrn=None)
    with pytest.raises(ValueError, match="got width=0; expected a number over 0"):
        zoo.models.create_model("zfnet", width=0)
    with pytest.raises(ValueError, match="got activation='rely'; expected the name of a Keras"):
        zoo.models.create_model("zfnet", activation="rely")
    model = zoo.models.create_model("zfnet", width=0.0625, activation="prelu", dropout=0.25)
    assert sum(isinstance(x, keras.layers.PReLU) for x in model.layers) == 7
    dropouts = [x for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert [x.rate for x in dropouts] == [0.25, 0.25]
    features = zoo.models.create_model("zfnet", width=0.0625, include_top=False, pooling="avg")
    assert features.output.shape == (None, 16)
