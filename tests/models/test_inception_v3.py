"""Inception-v3: grids and stages, averages, auxiliary head, options."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from forward import images_like

import zoo.models
import zoo.weights
from tests.weights.test_parity import FIXTURES, shapes_of, synthetic
from zoo.models import family, inception_v3

# torchvision 0.28 on the fixture's weights and one image: the first four logits.
TORCHVISION = {
    "logits": [0.0237, -0.1167, -0.0928, -0.3595],
    "aux1": [-0.0710, 0.0128, -0.2265, 0.2092],
}
SMALL = {"input_shape": (75, 75, 3), "num_classes": 3, "width": 0.1}


def test_the_network_of_torchvision(monkeypatch):
    monkeypatch.setattr(zoo.models.blocks, "KERNEL_INITIALIZER", "zeros")
    data = np.load(FIXTURES / "torchvision-inception_v3.npz")
    tensors = {name: synthetic(name, shape) for name, shape in shapes_of(data).items()}
    model = zoo.weights.load_pretrained("torchvision:inception_v3", tensors, aux_heads=True)
    assert model.input.shape == (None, 299, 299, 3)
    assert zoo.models.count_trainable(model) == int(data["params"])
    assert model.get_layer("aux1_pool").input is model.get_layer("stage4_block5_concat").output
    outputs = model(images_like((299, 299, 3), count=1), training=False)
    assert set(outputs) == set(TORCHVISION)
    for name, values in TORCHVISION.items():
        np.testing.assert_allclose(outputs[name][0, :4], values, atol=6e-5)

    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers}
    depths = [shape[2] for name, shape in shapes.items() if name.endswith("concat")]
    assert depths == [256, 288, 288, 768, 768, 768, 768, 768, 1280, 2048, 2048]
    last = {layer[:6]: shape for layer, shape in shapes.items() if layer.startswith("stage")}
    assert last == {
        "stage1": (147, 147, 64), "stage2": (71, 71, 192), "stage3": (35, 35, 288),
        "stage4": (17, 17, 768), "stage5": (8, 8, 2048),
    }  # fmt: skip
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    convs = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    assert {x.name for x in norms} == {x.name.replace("conv", "bn") for x in convs}
    assert {x.epsilon for x in norms} == {1e-3}
    assert model.get_layer("head_dropout").rate == 0.5


def test_smallest_input_and_what_averages_count():
    model = zoo.models.create_model("inception_v3", **SMALL, activation="prelu", dropout=0)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert (kinds.count("PReLU"), kinds.count("Activation"), kinds.count("Dropout")) == (94, 0, 0)
    assert model.get_layer("stage4_block5_concat").output.shape[1:3] == (3, 3)
    assert model.get_layer("stage5_block3_concat").output.shape[1:3] == (1, 1)
    layers = [model.get_layer(f"stage3_block{x}") for x in ("1_concat", "2_branch4_pool")]
    watched = keras.Model(model.input, [*(layer.output for layer in layers), model.output])
    before, pooled, logits = watched(images_like((75, 75, 3), count=1))
    assert np.isfinite(logits).all()
    # The zeros beyond the edge count: always nine.
    padded = np.pad(before, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = before.shape[1:3]
    sums = sum(padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3))
    np.testing.assert_allclose(pooled, sums / 9, rtol=1e-5, atol=1e-6)
    assert np.ptp(pooled) > 0.1
    with pytest.raises(ValueError, match=r"got input_shape=\(74, 75, 3\); expected .* >= 75"):
        zoo.models.create_model("inception_v3", input_shape=(74, 75, 3))


def test_auxiliary_head_is_float32_and_needs_a_map_of_17x17():
    keras.config.set_dtype_policy("mixed_bfloat16")
    layers = inception_v3._Layers("relu", 0.125)
    head = family.Head(5, classifier_activation="softmax")
    maps = keras.Input((17, 18, 4))
    model = keras.Model(maps, layers.aux_head(maps, head))
    assert model.get_layer("aux1_mean").input.shape == (None, 1, 1, 96)
    probabilities = model(images_like((17, 18, 4), count=1))
    assert (probabilities.shape, probabilities.dtype) == ((1, 5), "float32")
    np.testing.assert_allclose(np.sum(probabilities), 1, atol=1e-5)
    with pytest.raises(ValueError, match="output size|dimension size"):
        layers.aux_head(keras.Input((16, 17, 4)), head)
    with pytest.raises(ValueError) as error:
        zoo.models.create_model("inception_v3", input_shape=(310, 298, 1), aux_heads=True)
    assert str(error.value) == (
        "auxiliary heads need larger images: got input_shape=(310, 298, 1); "
        "expected a height and width >= 299 with aux_heads=True"
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
        zoo.models.create_model("inception_v3", **{**SMALL, **options})


def test_without_classifier():
    small = {"input_shape": (107, 75, 3), "width": 0.125, "include_top": False}
    model = zoo.models.create_model("inception_v3", **small)
    assert model.output.shape == (None, 2, 1, 256)
    with pytest.raises(ValueError, match="got aux_heads=True; expected False with include_top=Fa"):
        zoo.models.create_model("inception_v3", **small, aux_heads=True)
