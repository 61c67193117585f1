"""zoo.stages and zoo.feature_extractor on every family."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
import zoo.models
from zoo.models import blocks
from zoo.models.structure import Structure

FIVE = {"stage1": 2, "stage2": 4, "stage3": 8, "stage4": 16, "stage5": 32}
FOUR = {"stem": 4, "stage1": 4, "stage2": 8, "stage3": 16, "stage4": 32}
SMALL = {"width": 0.125}
# A small network of each family, its side, and the strides of its stages. One row a family.
STAGES = {
    "alexnet": ("alexnet", SMALL, 67, {"stage1": 4, "stage2": 8, "stage3": 16}),
    "densenet": ("densenet121", SMALL, 64, FOUR),
    "efficientnet_lite": ("efficientnet_lite0", SMALL, 64, {"stem": 2, **FIVE}),
    "googlenet": ("googlenet", SMALL, 64, FIVE),
    "inception_v3": ("inception_v3", SMALL, 75, FIVE),
    "lenet": ("lenet5", {}, 28, {"stage1": 2, "stage2": 4}),
    "mlp": ("mlp", {"hidden": (8,)}, 28, {}),
    "mobilenet": ("mobilenet_v1_025", {}, 64, {"stem": 2, **FIVE}),
    "mobilenet_v2": ("mobilenet_v2_050", {}, 64, {"stem": 2, **FIVE}),
    "mobilenet_v3": (
        "mobilenet_v3_small_050", {}, 64,
        {"stem": 2, "stage1": 4, "stage2": 8, "stage3": 16, "stage4": 32},
    ),
    "resnet": ("resnet18d", SMALL, 64, FOUR),
    "vgg": ("vgg11", SMALL, 64,
            {"stage1": 1, "stage2": 2, "stage3": 4, "stage4": 8, "stage5": 16}),
    "zfnet": ("zfnet", SMALL, 67, {"stage1": 2, "stage2": 8, "stage3": 16}),
}


def test_every_family_has_a_row():
    assert {zoo.models.family_of(name) for name in zoo.list_models()} == set(STAGES)


@pytest.mark.parametrize("family", STAGES)
def test_stages_shrink_the_map_as_told(family, monkeypatch):
    monkeypatch.setattr(blocks, "KERNEL_INITIALIZER", "zeros")
    name, options, side, strides = STAGES[family]
    assert zoo.models.family_of(name) == family
    model = zoo.create_model(name, input_shape=(side, side, 3), num_classes=3, **options)
    found = zoo.stages(model)
    assert {stage: value.stride for stage, value in found.items()} == strides
    if not strides:
        with pytest.raises(ValueError, match=r"got stage \[\] for model 'mlp'; expected some of"):
            zoo.feature_extractor(model)
        return
    features = zoo.feature_extractor(model)
    assert list(features.output) == [stage for stage in strides if stage != "stem"]
    for value in found.values():
        maps = model.get_layer(value.layer).output
        assert maps.shape[3] == value.channels
        assert side / value.stride / 3 < maps.shape[1] < side / value.stride + 1


def test_features_are_the_maps_of_the_model():
    model = zoo.create_model("resnet18", input_shape=(64, 64, 3), width=0.25)
    features = zoo.feature_extractor(model, ["stage2", "stage4"])
    images = np.random.default_rng(3).normal(size=(2, 64, 64, 3)).astype("float32")
    maps = features(images)
    assert {name: value.shape for name, value in maps.items()} == {
        "stage2": (2, 8, 8, 32), "stage4": (2, 2, 2, 128)
    }
    # The last stage is what the classifier sees, averaged.
    pooled = keras.Model(model.input, model.get_layer("head_pool").output)(images)
    np.testing.assert_allclose(np.mean(maps["stage4"], axis=(1, 2)), pooled, rtol=1e-5, atol=1e-6)


def test_unknown_stage_is_an_error():
    model = zoo.create_model("lenet5")
    with pytest.raises(ValueError) as error:
        zoo.feature_extractor(model, ["stage2", "stage9"])
    assert str(error.value) == (
        "got stage 'stage9' for model 'lenet5'; expected some of ['stage1', 'stage2']"
    )


def test_stages_of_a_saved_model_and_of_features(tmp_path):
    model = zoo.create_model("resnet18", input_shape=(32, 32, 3), width=0.125)
    model.save(tmp_path / "model.keras")
    for same in (keras.models.load_model(tmp_path / "model.keras"), zoo.transfer(model, 3)):
        assert zoo.stages(same) == zoo.stages(model)
    features = zoo.feature_extractor(model, ["stage1", "stage3"])
    assert list(zoo.stages(features)) == ["stem", "stage1", "stage2", "stage3"]


def other_networks():
    images = keras.Input((32, 32, 3))
    yield keras.Model(images, keras.layers.Dense(2)(images), name="mine")
    # Of a name that the zoo has too.
    yield keras.applications.DenseNet121(weights=None, input_shape=(32, 32, 3), classes=2)
    lenet = zoo.create_model("lenet5", input_shape=(32, 32, 3))
    yield keras.Model(images, keras.layers.average([lenet(images), lenet(-images)]), name="two")
    yield keras.Sequential([keras.layers.Rescaling(1 / 255), lenet], name="not_built")


@pytest.mark.parametrize("model", other_networks(), ids=lambda model: model.name)
def test_a_network_of_which_nothing_is_known_is_refused(model):
    for use in (zoo.stages, zoo.feature_extractor, lambda model: zoo.transfer(model, 3)):
        with pytest.raises(ValueError) as error:
            use(model)
        assert str(error.value) == (
            f"got model {model.name!r}, of which it is not known which layers do what; expected "
            "one of zoo.create_model, alone or inside of another model, or one with an attribute "
            "structure, a zoo.models.structure.Structure"
        )


def test_whoever_knows_the_layers_of_a_network_says_so():
    model = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=2)
    model.structure = Structure(
        first=("conv1_conv",), stages=("conv1", "conv2", "conv3", "conv4", "conv5"),
        heads={"predictions": "predictions"},
    )
    strides = {name: stage.stride for name, stage in zoo.stages(model).items()}
    assert strides == {"conv1": 2, "conv2": 4, "conv3": 8, "conv4": 16, "conv5": 32}
    own = zoo.transfer(model, 3, "from:conv5")
    assert own.output.shape == (None, 3) and own.layers[-1].name == "predictions"
    learns = {layer.name.split("_")[0] for layer in own.layers if layer.trainable_variables}
    assert learns == {"conv5", "predictions"}
