"""zoo.transfer: what learns, what stays, what it computes."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo.core.batch_norm import with_fused_batch_norm
from zoo.core.losses import make_loss, prior_bias
from zoo.finetune import classifier_weights, set_classifier_bias, set_trainable, stage_rates
from zoo.models.structure import Structure

IMAGES = np.random.default_rng(5).normal(size=(4, 32, 32, 3)).astype("float32")


def small(**options) -> keras.Model:
    return zoo.create_model("resnet18", input_shape=(32, 32, 3), width=0.125, **options)


def trained_layers(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers if layer.trainable_variables]


def test_new_classifier_on_the_same_features():
    model = small(num_classes=7)
    own = zoo.transfer(model, 3)
    assert own.output.shape == (None, 3) and own.output.dtype == "float32"
    assert model.output.shape == (None, 7) and all(layer.trainable for layer in model.layers)
    features = keras.Model(model.input, model.get_layer("head_pool").output)(IMAGES)
    kernel, bias = own.get_layer("head_dense").get_weights()
    np.testing.assert_allclose(own(IMAGES), features @ kernel + bias, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pooling", [None, "avg"])
def test_a_model_without_its_classifier_gets_one(pooling):
    own = zoo.transfer(small(include_top=False, pooling=pooling), 3)
    assert own.output.shape == (None, 3)
    assert own.layers[-2].name == "head_pool"


def test_which_layers_learn():
    model = small(num_classes=7)
    assert trained_layers(zoo.transfer(model, 3)) == ["head_dense"]
    assert trained_layers(zoo.transfer(model, 3, "all")) == trained_layers(model)
    later = trained_layers(zoo.transfer(model, 3, "from:stage4"))
    assert later == [name for name in trained_layers(model) if name.startswith(("stage4", "head"))]


@pytest.mark.parametrize("trainable", ["head", "from:stage4"])
def test_frozen_part_stays_to_the_bit_statistics_included(trainable):
    own = zoo.transfer(small(num_classes=7), 3, trainable)
    learns = ("head",) if trainable == "head" else ("head", "stage4")
    before = {weight.path: weight.numpy() for weight in own.weights}
    own.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    own.fit(IMAGES, np.array([0, 1, 2, 0]), epochs=2, verbose=0)
    for weight in own.weights:
        moved = not np.array_equal(weight.numpy(), before[weight.path])
        assert moved == weight.path.startswith(learns), weight.path


def test_a_family_with_operations_that_are_no_layers():
    model = zoo.create_model("alexnet", input_shape=(67, 67, 3), width=0.05, num_classes=4)
    own = zoo.transfer(model, 2)
    images = np.ones((1, 67, 67, 3), "float32")
    hidden = keras.Model(model.input, model.get_layer("head_dense").input)(images)
    kernel, bias = own.get_layer("head_dense").get_weights()
    np.testing.assert_allclose(own(images), hidden @ kernel + bias, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "got num_classes=0; expected an integer >= 1"),
        ((3, "heads"), "got trainable='heads'; expected 'head', 'head+norm', 'all' or "
                       "'from:STAGE', as 'from:stage4'"),
        ((3, "from:stage5"), "got trainable='from:stage5' for model 'resnet18'; its stages are "
                             "['stem', 'stage1', 'stage2', 'stage3', 'stage4']"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError) as error:
        zoo.transfer(small(), *arguments)
    assert str(error.value) == message


def test_stage_rates_fall_towards_the_images():
    model = small()
    assert stage_rates(model, 1.0) == {}
    rates = stage_rates(model, 0.5)
    assert set(rates) == {weight.path for weight in model.trainable_variables}
    expected = {"stem": 0.0625, "stage1": 0.125, "stage2": 0.25, "stage3": 0.5, "stage4": 1.0,
                "head": 1.0}
    for path, rate in rates.items():
        assert rate == expected[path.split("_")[0]], path
    normalised_input = zoo.create_model("resnet18_v2", input_shape=(32, 32, 3), width=0.125)
    assert stage_rates(normalised_input, 0.5)["final_bn/gamma"] == 1.0


def test_the_classifiers_weights():
    model = zoo.create_model(
        "googlenet_bn", input_shape=(32, 32, 3), width=0.0625, num_classes=3, aux_heads=True
    )
    assert set(classifier_weights(model)) == {
        f"{layer}/{part}" for layer in ("head_dense", "aux1_dense", "aux2_dense")
        for part in ("kernel", "bias")
    }


def test_the_classifiers_bias_makes_each_class_one_of_all():
    """Binary cross-entropy begins at about (1 + ln C) / C instead of ln 2."""
    model = small(num_classes=100)
    set_classifier_bias(model, prior_bias(100))
    np.testing.assert_allclose(model.get_layer("head_dense").bias, -np.log(100), rtol=1e-6)
    labels = tf.one_hot(range(4), 100)
    loss = make_loss("binary_cross_entropy")(labels, tf.fill([4, 100], prior_bias(100)))
    np.testing.assert_allclose(loss, (1 + np.log(100)) / 100, rtol=0.01)
    bare = keras.Sequential([keras.Input([3]), keras.layers.Dense(2, use_bias=False, name="last")])
    bare.structure = Structure(first=("last",), stages=(), heads={"head": "last"})
    with pytest.raises(ValueError, match="has no bias; expected one"):
        set_classifier_bias(bare, 1.0)


def test_normalisations_may_stay_frozen():
    model = small()
    set_trainable(model, "from:stage3", freeze_bn=True)
    learns = trained_layers(model)
    assert {"stage3_block1_conv1", "stage4_block2_conv2", "head_dense"} <= set(learns)
    assert not [name for name in learns if "_bn" in name]


def test_the_last_layer_of_every_head_learns():
    model = zoo.create_model(
        "googlenet_bn", input_shape=(32, 32, 3), width=0.0625, num_classes=3, aux_heads=True
    )
    set_trainable(model, "head")
    assert set(trained_layers(model)) == {"head_dense", "aux1_dense", "aux2_dense"}
    assert zoo.transfer(model, 4).output.shape == (None, 4)


@pytest.mark.parametrize("name, norm", [
    ("resnet18", "stage4_block2_bn2"), ("resnet18_v2", "final_bn"),
    ("mobilenet_v3_small_050", "final_bn1"),
])
def test_head_and_the_last_normalisation(name, norm):
    model = zoo.create_model(name, num_classes=3, input_shape=(32, 32, 3))
    set_trainable(model, "head+norm")
    assert trained_layers(model) == [norm, "head_dense"]
    trained = with_fused_batch_norm(model)  # as a run has it
    set_trainable(trained, "head+norm")
    assert trained_layers(trained) == [norm, "head_dense"]


def test_head_and_norm_without_one():
    with pytest.raises(ValueError, match="has no batch normalisation; expected 'head', 'all' or"):
        set_trainable(zoo.create_model("lenet5"), "head+norm")


def test_set_trainable_undoes_itself():
    model = small()
    names = trained_layers(model)
    set_trainable(model, "head")
    assert trained_layers(model) == ["head_dense"]
    set_trainable(model, "all")
    assert trained_layers(model) == names
