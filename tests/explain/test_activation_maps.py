"""Grad-CAM and Grad-CAM++ against their formulas in float64, and for every family."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from small_nets import forward, images, small_net, weights

import zoo
from zoo.explain import feature_maps, grad_cam, grad_cam_plus_plus
from zoo.explain.activation_maps import enlarged

# Those whose ends differ; docs/measurements/explain.md has one of each family beside eli5.
ENDS = {
    "lenet5": {},
    "resnet18_v2": {"width": 0.1, "input_shape": (64, 64, 3)},
    "mobilenet_v3_small_100": {"width": 0.1, "input_shape": (64, 64, 3)},
}


def closed_form(model, image, kind):
    """The map of the likeliest class. The gradient of a logit by the last map is the classifier's
    kernel."""
    values = forward(model, image)
    maps = values["act2"]
    own = values["logits"].argmax()
    g = weights(model, "dense")[0][:, own].reshape(maps.shape)
    if kind is grad_cam:
        factors = g.mean((0, 1))
    else:
        below = 2 * g**2 + maps.sum((0, 1)) * g**3
        factors = (g**2 / below * np.maximum(g, 0)).sum((0, 1))
    return np.maximum(maps @ factors, 0)


@pytest.mark.parametrize("kind", [grad_cam, grad_cam_plus_plus])
def test_equals_the_formula(kind):
    model, batch = small_net(), images()
    expected = np.stack([closed_form(model, image, kind) for image in batch])
    np.testing.assert_allclose(
        kind(model, batch), enlarged(expected.astype("float32"), (12, 12)), rtol=1e-4, atol=1e-6
    )


def test_a_wrapped_network_a_softmax_and_a_relu_inside_change_nothing():
    model, batch = small_net(), images()
    expected = grad_cam(model, batch, classes=1)
    assert expected.max() > 0
    for other in (small_net("softmax"), small_net(inside=True)):
        np.testing.assert_array_equal(grad_cam(other, batch, classes=1), expected)
    wrapped = keras.Sequential([
        keras.Input(batch.shape[1:]), keras.layers.Rescaling(0.5), model, keras.layers.Softmax(),
    ])
    np.testing.assert_allclose(grad_cam(wrapped, 2 * batch, classes=[1, 1, 1]), expected,
                               rtol=1e-5, atol=1e-7)
    nested = keras.Model(x := keras.Input(batch.shape[1:]), wrapped(x))
    np.testing.assert_allclose(grad_cam(nested, 2 * batch, classes=1, layer="act2"), expected,
                               rtol=1e-5, atol=1e-7)


def test_the_model_is_as_before():
    model = small_net()
    grad_cam(model, images())
    assert all(len(layer._inbound_nodes) == 1 for layer in model.layers)


@pytest.mark.parametrize("name", ENDS)
def test_networks_of_the_zoo(name):
    model = zoo.create_model(name, **ENDS[name])
    batch = np.random.default_rng(0).standard_normal((2, *model.input_shape[1:]), "float32")
    maps = grad_cam(model, batch, classes=[0, 1])
    assert maps.shape == batch.shape[:3]
    assert np.isfinite(maps).all() and maps.min() >= 0
    last = feature_maps(model, batch)
    assert last.ndim == 4 and last.shape[1] * last.shape[2] > 1


def test_feature_maps_are_the_layers_outputs():
    model, batch = small_net(), images()
    for layer in ("conv1", "pool1", "act2"):
        expected = np.stack([forward(model, image)[layer] for image in batch])
        np.testing.assert_allclose(feature_maps(model, batch, layer), expected, atol=1e-5)


def test_auxiliary_heads_are_left_out():
    model, batch = small_net(), images()
    aux = keras.layers.Conv2D(2, 2, name="aux_conv")(model.get_layer("act2").output)
    outputs = {"aux": keras.layers.Flatten()(aux), "logits": model.output}
    with_aux = keras.Model(model.input, outputs, name="with_aux")
    np.testing.assert_array_equal(grad_cam(with_aux, batch), grad_cam(model, batch))
    two = keras.Model(model.input, [outputs["aux"], model.output], name="two")
    with pytest.raises(ValueError, match="2 outputs; expected one, or one that is called 'logits'"):
        grad_cam(two, batch)


def subclass():
    class Own(keras.Model):
        def call(self, x):
            return x

    return Own(name="own")


def channels_in_front():
    images = keras.Input((12, 12, 2))
    x = keras.layers.Conv2D(2, 1, data_format="channels_first", name="conv")(images)
    return keras.Model(images, keras.layers.Dense(3)(keras.layers.Flatten()(x)), name="front")


@pytest.mark.parametrize("make, options, part", [
    (lambda: zoo.create_model("mlp"), {}, "got model 'mlp', which has no feature map"),
    (small_net, {"layer": "cnv1"}, "has none of that name; expected one of its layers, as conv1"),
    (small_net, {"layer": "flat"}, "expected a layer with a feature map [B, h, w, C], as "),
    (small_net, {"classes": 3}, "got classes=[3, 3, 3]; expected one of 0 to 2 for each of 3"),
    (small_net, {"classes": [1]}, "got classes=[1]; expected one of 0 to 2 for each of 3 images"),
    (subclass, {}, "a Own whose layers are not a graph; expected a Functional or Sequential"),
    (lambda: keras.Sequential([keras.layers.Dense(2)], name="s"), {}, "'s', which is not built"),
    (channels_in_front, {}, "'front', whose layer 'conv' has channels in front; expected channels"),
    (lambda: zoo.create_model("lenet5", include_top=False), {}, "expected one with a classifier"),
])
def test_what_cannot_be_is_one_line(make, options, part):
    model = make()
    shape = model.input_shape[1:] if model.name in ("mlp", "lenet5") else (12, 12, 2)
    with pytest.raises(ValueError) as error:
        grad_cam(model, np.zeros((3, *shape), "float32"), **options)
    assert part in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(12, 12, 2), (2, 11, 12, 2), (0, 12, 12, 2)])
def test_images_of_another_shape_are_told(shape):
    with pytest.raises(ValueError, match=r"expected \[B, 12, 12, 2\], what model 'small' takes"):
        grad_cam(small_net(), np.zeros(shape, "float32"))
