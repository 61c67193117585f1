"""Projections against unpooling, rectifying and transposed filters by hand; receptive fields."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from small_nets import forward, images, small_net, transposed_conv, weights

import zoo
from zoo.explain import deconvnet, strongest
from zoo.explain.graph import Graph
from zoo.explain.receptive_field import receptive_field
from zoo.models import blocks


def by_hand(model, image, channel):
    """Back from the strongest place of act2, as the paper's figure 1 has it."""
    values = forward(model, image)
    signal = np.zeros_like(values["act2"])
    row, column = np.unravel_index(values["act2"][..., channel].argmax(), signal.shape[:2])
    signal[row, column, channel] = values["act2"][row, column, channel]
    signal = transposed_conv(np.maximum(signal, 0), weights(model, "conv2")[0])
    unpooled = np.zeros_like(values["act1"])
    for i, j, c in np.ndindex(signal.shape):
        down, right = divmod(values["switches"][i, j, c], 2)
        unpooled[2 * i + down, 2 * j + right, c] = signal[i, j, c]
    return transposed_conv(np.maximum(unpooled, 0), weights(model, "conv1")[0])


@pytest.mark.parametrize("inside", [False, True])
def test_projection_by_hand(inside):
    plain, model, batch = small_net(), small_net(inside=inside), images()
    layer = "conv2" if inside else "act2"
    for channel in range(5):
        found = deconvnet(model, batch, layer, channel)
        expected = np.stack([by_hand(plain, image, channel) for image in batch])
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found).max() > 0


def test_a_response_normalisation_is_a_scale_backwards():
    """AlexNet's: x / (2 + 1e-4 * sum of squares)^0.75, here of values whose squares count."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((6, 6, 2))
    x = conv = keras.layers.Conv2D(4, 3, name="conv")(pixels)
    x = keras.layers.Activation("relu", name="act")(blocks.local_response_norm(x, name="lrn"))
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    model = keras.Model(pixels, keras.layers.Dense(2)(x))
    image = 100 * np.random.default_rng(0).standard_normal((1, 6, 6, 2)).astype("float32")
    before = np.asarray(keras.Model(pixels, conv)(image))[0, ..., 1]
    after = zoo.explain.feature_maps(model, image, "act")[0, ..., 1]
    row, column = np.unravel_index(after.argmax(), after.shape)
    value = after[row, column]
    expected = np.zeros((6, 6, 2))
    kernel = model.get_layer("conv").get_weights()[0][..., 1]
    # The divisor is what the value was divided by.
    expected[row : row + 3, column : column + 3] = value / (before[row, column] / value) * kernel
    np.testing.assert_allclose(deconvnet(model, image, "act", 1)[0], expected, rtol=1e-4, atol=1e-5)


def test_the_strongest_of_a_set(digits):
    model = zoo.create_model("lenet", weights="mnist")
    batch = zoo.preprocess_input(digits[0][:50], model)
    found = strongest(model, batch, "stage2_act", 4, count=9, batch_size=16)
    maps = zoo.explain.feature_maps(model, batch, "stage2_act")[..., 4].reshape(50, -1)
    order = np.argsort(-maps.max(1), kind="stable")[:9]
    assert [own.image for own in found] == order.tolist()
    np.testing.assert_allclose([own.value for own in found], maps.max(1)[order], rtol=1e-5)
    for own in found:
        box = own.box
        whole = np.abs(own.projection).sum()
        inside = np.abs(own.projection[box.top : box.bottom, box.left : box.right]).sum()
        assert whole > 0 and inside == pytest.approx(whole, rel=1e-6)
        assert (box.bottom - box.top, box.right - box.left) == (14, 14)


def net_of_windows():
    """Strides, padding of both kinds, a dilation, a shortcut and a crop: all of them linear."""
    images = keras.Input((40, 37, 1))
    x = keras.layers.ZeroPadding2D(((2, 1), (0, 3)))(images)
    x = keras.layers.Conv2D(2, (5, 3), strides=2)(x)
    y = keras.layers.Conv2D(2, 3, padding="same", dilation_rate=2)(x)
    x = keras.layers.Add()([x, y])
    x = keras.layers.Cropping2D(((1, 0), (2, 1)))(x)
    x = keras.layers.AveragePooling2D(3, 2, padding="same")(x)
    x = keras.layers.Conv2D(1, 2, strides=2, padding="same", name="last")(x)
    return keras.Model(images, x)


def test_receptive_fields_are_the_pixels_that_matter():
    model = net_of_windows()
    for weight in model.weights:
        weight.assign(np.random.default_rng(1).uniform(0.1, 1, weight.shape))
    graph = Graph(model)
    call = graph.map_of("last")
    _, rows, columns, _ = call.output_shape
    # What changes where one pixel does.
    pixels = np.eye(40 * 37, dtype="float32").reshape(-1, 40, 37, 1)
    changed = np.asarray(model(pixels) - model(np.zeros((1, 40, 37, 1)))) != 0
    changed = changed.reshape(40, 37, rows, columns)
    for row, column in np.ndindex(rows, columns):
        seen = np.argwhere(changed[:, :, row, column])
        box = receptive_field(graph, call, row, column).inside(40, 37)
        assert (*seen.min(0), *(seen.max(0) + 1)) == box


def net_without(pooling: bool):
    images = keras.Input((12, 12, 2))
    x = keras.layers.Conv2D(4, 3, strides=2, name="conv")(images)
    x = keras.layers.MaxPooling2D(name="pool")(x) if pooling else x
    x = keras.layers.Multiply(name="gate")([x, keras.layers.Activation("sigmoid")(x)])
    return keras.Model(images, x, name="gated")


@pytest.mark.parametrize("make, layer, part", [
    (lambda: net_without(False), "conv", "has no max pooling, whose switches a deconvnet needs"),
    (lambda: net_without(True), "gate", "'gate', a Multiply, which a deconvnet has no way back"),
    (small_net, "act2", "got channel 9 of layer 'act2'; expected 0 to 4"),
    (small_net, "dense", "expected a layer with a feature map [B, h, w, C], as "),
])
def test_what_cannot_be_is_one_line(make, layer, part):
    with pytest.raises(ValueError) as error:
        deconvnet(make(), images(), layer, 9 if layer == "act2" else 0)
    assert part in str(error.value) and "\n" not in str(error.value)
