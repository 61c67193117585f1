"""Batch normalisation folded into the layer before it: the same function."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo


def with_statistics(model):
    """As of a trained model: new ones, of mean 0 and variance 1, fold into next to nothing."""
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        elif weight.name in ("beta", "moving_mean", "bias"):
            weight.assign(generator.normal(0, 0.3, weight.shape))
    return model


def norms_of(model):
    return [x.name for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def difference(model, folded):
    """The largest one of the logits, against the largest logit."""
    images = np.random.default_rng(1).normal(size=(3, *model.input_shape[1:])).astype("float32")
    expected, got = (np.asarray(x(images, training=False)) for x in (model, folded))
    return abs(expected - got).max() / abs(expected).max()


@pytest.mark.parametrize(("name", "left"), [
    ("mobilenet_v3_small_050", 0),
    ("resnet18_v2", 10),  # those in front of the convolutions
])
def test_a_model_of_the_zoo_keeps_its_function(name, left):
    model = with_statistics(zoo.create_model(name, num_classes=5, input_shape=(40, 40, 3)))
    folded = zoo.for_inference(model)
    assert difference(model, folded) < 1e-5
    assert len(norms_of(folded)) == left < len(norms_of(model))
    assert type(folded) is keras.Model or type(folded).__module__.startswith("keras.")
    with pytest.raises(ValueError, match="expected a model of zoo.create_model"):
        zoo.save_pretrained(folded, "x.safetensors")


def two_heads_and_all_cases():
    """Each kind of layer that takes a normalisation up, and each reason not to."""
    layers = keras.layers
    images = keras.Input((8, 8, 3))
    norm = layers.BatchNormalization
    x = norm(name="bn_scale", scale=False)(layers.Conv2D(8, 3, use_bias=True)(images))
    x = norm(name="bn_group", center=False)(layers.Conv2D(8, 3, groups=2, padding="same")(x))
    x = norm(name="bn_depthwise")(layers.DepthwiseConv2D(3, depth_multiplier=2)(x))
    active = norm(name="kept_activation")(layers.Conv2D(4, 1, activation="relu")(x))
    used_twice = layers.Conv2D(4, 1)(active)
    x = layers.Concatenate()([norm(name="kept_used_twice")(used_twice), used_twice])
    shared = layers.Conv2D(8, 1)
    x = layers.Add()([norm(name="kept_shared_a")(shared(x)), norm(name="kept_shared_b")(shared(x))])
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    x = norm(name="bn_dense")(layers.Dense(6)(x))
    return keras.Model(images, {"logits": layers.Dense(3)(x), "aux1": layers.Dense(2)(active)})


def test_what_can_be_folded_is_and_the_rest_stays():
    model = with_statistics(two_heads_and_all_cases())
    folded = zoo.for_inference(model)
    logits = keras.Model(model.input, model.output["logits"])
    assert difference(logits, folded) < 1e-5
    assert all(name.startswith("kept") for name in norms_of(folded)) and len(norms_of(folded)) == 4
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in folded.layers)


def test_a_network_behind_a_preprocessing_is_folded_too_and_16_bit_logits_are_float32():
    model = zoo.with_preprocessing(zoo.create_model("lenet5", weights="mnist"))
    norm = keras.Sequential([model, keras.layers.Dense(4), keras.layers.BatchNormalization()])
    folded = zoo.for_inference(with_statistics(norm))
    assert norms_of(folded) == [] and difference(norm, folded) < 1e-5
    half = zoo.for_inference(model, dtype="bfloat16")
    assert half.output.dtype == "float32"
    network = half.layers[-1]
    assert {x.dtype for x in network.weights[:-2]} == {"bfloat16"}
    assert 1e-6 < difference(model, half) < 0.05


def test_errors():
    with pytest.raises(ValueError, match="got dtype='int8'; expected 'float32'"):
        zoo.for_inference(zoo.create_model("lenet5"), dtype="int8")

    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="got 'mine', which is no functional model"):
        zoo.for_inference(Own(name="mine"))
