"""A network inside of another model: all of fine-tuning looks into it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo
from zoo.finetune import features_of, set_trainable, stage_rates, with_probe
from zoo.finetune.network import network_of
from zoo.finetune.probe import Probe

LEVELS = np.random.default_rng(5).uniform(0, 255, (4, 28, 28, 1)).astype("float32")


def lenet() -> keras.Model:
    return zoo.create_model("lenet5", weights="mnist")


def scaled(model: keras.Model) -> keras.Model:
    """As an app may write it: an operation, and a softmax behind the network."""
    images = keras.Input((28, 28, 1))
    return keras.Model(images, keras.layers.Softmax()(model(images / 255.0)))


def in_two_models(model: keras.Model) -> keras.Model:
    inverse = keras.Sequential([keras.layers.Rescaling(-1.0, offset=255.0)])
    return keras.Sequential([
        keras.layers.Input((28, 28, 1)), inverse, zoo.with_preprocessing(model),
    ])


# Around lenet5, and what the network then sees of LEVELS.
AROUND = {
    "with_preprocessing": (
        zoo.with_preprocessing, lambda model: zoo.preprocess_input(LEVELS, model, resize=False)
    ),
    "an operation": (scaled, lambda model: LEVELS / 255),
    "two models": (
        in_two_models, lambda model: zoo.preprocess_input(255 - LEVELS, model, resize=False)
    ),
}


@pytest.mark.parametrize("name", AROUND)
def test_a_network_in_a_model_is_looked_into(name):
    around, seen = AROUND[name]
    model = lenet()
    wrapped, images = around(model), seen(model)
    assert network_of(wrapped) is model
    features = np.asarray(keras.Model(model.input, model.get_layer("head_dense").input)(images))

    own = zoo.transfer(wrapped, 3)
    kernel, bias = (variable.numpy() for variable in own.trainable_variables)
    assert own.trainable_variables[0].path == "head_dense/kernel"
    np.testing.assert_allclose(own(LEVELS), features @ kernel + bias, rtol=1e-4, atol=1e-4)
    assert network_of(own).card.num_classes == 3 and network_of(own).preprocessing is not None

    assert zoo.stages(wrapped) == zoo.stages(model)
    maps = zoo.feature_extractor(wrapped, ["stage2"])(LEVELS)
    expected = zoo.feature_extractor(model, ["stage2"])(images)
    np.testing.assert_allclose(maps["stage2"], expected["stage2"], rtol=1e-4, atol=1e-4)
    assert stage_rates(wrapped, 0.5) == stage_rates(model, 0.5)

    mask = np.ones(4, bool)
    found, _ = features_of(wrapped, [(LEVELS, np.arange(4), mask)])
    np.testing.assert_allclose(found, features, rtol=1e-4, atol=1e-4)
    probed = with_probe(wrapped, Probe(np.ones((84, 2), "f4"), np.zeros(2, "f4"), 1.0, 1.0))
    np.testing.assert_allclose(probed(LEVELS)[:, 0], features.sum(1), rtol=1e-4, atol=1e-3)


def test_a_file_of_features_belongs_to_what_stands_in_front(tmp_path):
    model, mask = lenet(), np.ones(4, bool)
    file = tmp_path / "features.npz"
    features, _ = features_of(scaled(model), [(LEVELS, np.arange(4), mask)], file)
    again, _ = features_of(scaled(model), [], file)  # another wrapper, of other layers' names
    np.testing.assert_array_equal(features, again)
    with pytest.raises(ValueError, match="holds the features of another network"):
        features_of(zoo.with_preprocessing(model), [], file)


def test_a_file_of_an_app_is_looked_into(tmp_path):
    model = lenet()
    zoo.save_keras(zoo.with_preprocessing(model), tmp_path / "app.keras")
    opened = keras.models.load_model(tmp_path / "app.keras")
    own = zoo.transfer(opened, 3, "from:stage2")
    assert own.output.shape == (None, 3)
    assert {variable.path.split("_")[0] for variable in own.trainable_variables} == {
        "stage2", "head"
    }


def test_the_copy_and_its_front_learn_alone():
    """A front with weights is copied, and frozen with the rest."""
    images = keras.Input((28, 28, 1))
    tint = keras.layers.Conv2D(1, 1, name="tint", kernel_initializer="ones")
    model = keras.Model(images, lenet()(tint(images)))
    own = zoo.transfer(model, 2)
    assert own.get_layer("tint") is not tint and not own.get_layer("tint").trainable
    assert tint.trainable and len(own.trainable_variables) == 2
    set_trainable(own, "all")
    assert len(own.trainable_variables) == len(model.trainable_variables)
    own.get_layer("lenet5").trainable = False
    set_trainable(own, "head")
    assert len(own.trainable_variables) == 2


def test_batch_norms_inside_are_frozen_as_well():
    network = zoo.create_model("resnet18", input_shape=(32, 32, 3), width=0.125)
    model = keras.Sequential([keras.layers.Input((32, 32, 3)), network])
    set_trainable(model, "all", freeze_bn=True)
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms and not any(norm.trainable for norm in norms)


@pytest.mark.parametrize("use", [zoo.stages, zoo.feature_extractor, lambda m: zoo.transfer(m, 3)])
def test_a_head_of_ones_own_behind_the_network_is_not_thrown_away(use):
    model = keras.Sequential([lenet(), keras.layers.Dense(3, name="mine")], name="app")
    with pytest.raises(ValueError) as error:
        use(model)
    assert str(error.value) == (
        "got model 'app' with layer 'mine' behind the network 'lenet5'; expected no weights "
        "behind it, or the network alone"
    )
