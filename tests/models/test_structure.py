"""What a family says of its layers is true of the networks it builds, and is checked."""

from __future__ import annotations

import dataclasses
import importlib

import keras
import pytest

import zoo.models
from zoo.models import blocks
from zoo.models.structure import Structure

# tests/models/test_model_facts.py checks the row of every model; here are the ends that it lacks.
WITH_HEADS = {
    "googlenet": {"input_shape": (79, 79, 3)},
    "googlenet_bn": {"input_shape": (32, 32, 3)},
    "inception_v3": {"input_shape": (299, 299, 3)},
}


def variant_of(name: str):
    return importlib.import_module(f"zoo.models.{zoo.models.family_of(name)}").MODELS[name]


@pytest.fixture(scope="module")
def resnet() -> keras.Model:
    return zoo.models.create_model("resnet18_v2", input_shape=(32, 32, 3), width=0.125)


def test_auxiliary_heads_are_those_of_the_row(monkeypatch):
    monkeypatch.setattr(blocks, "KERNEL_INITIALIZER", "zeros")
    rows = {name: variant_of(name).structure for name in zoo.models.list_models()}
    assert {name for name, row in rows.items() if len(row.heads) > 1} == set(WITH_HEADS)
    for name, options in WITH_HEADS.items():
        model = zoo.models.create_model(name, **options, width=0.0625, aux_heads=True)
        model.structure.check(model)
        last = {model.get_layer(layer).units for layer in model.structure.heads.values()}
        assert last == {1000} and len(model.outputs) == len(model.structure.heads)
        assert model.structure.is_auxiliary("aux1_dense")
        assert not model.structure.is_auxiliary("head_dense")


@pytest.mark.parametrize("name", ["resnet18_v2", "vgg11", "mobilenet_v3_small_050", "googlenet"])
def test_without_its_head_the_rest_is_as_it_was(name):
    model = zoo.models.create_model(name, include_top=False, input_shape=(32, 32, 3))
    model.structure.check(model)
    assert not [x for x in model.layers if x.weights and model.structure.head_of(x.name)]


def test_the_first_layers_are_those_whose_weights_follow_from_the_channels(monkeypatch):
    monkeypatch.setattr(blocks, "KERNEL_INITIALIZER", "zeros")
    # One model a structure.
    rows = {repr(variant_of(name).structure): name for name in zoo.models.list_models()[::-1]}
    assert len(rows) > 5
    for name in rows.values():
        grey, colour = (
            zoo.models.create_model(name, input_shape=(*variant_of(name).input_shape[:2], depth))
            for depth in (1, 3)
        )
        changed = {
            one.name for one, other in zip(grey.layers, colour.layers, strict=True)
            if [x.shape for x in one.weights] != [x.shape for x in other.weights]
        }
        assert changed == set(colour.structure.first), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first": ("stem_conv",)},
         "model 'resnet18_v2' has no layer 'stem_conv' with weights; expected one"),
        ({"first": ("stem_pool",)},
         "model 'resnet18_v2' has no layer 'stem_pool' with weights; expected one"),
        ({"stages": ("stem", "stage1", "stage2", "stage3")},
         "layer 'stage4_block1_bn1' of model 'resnet18_v2' is in the parts []; expected one part, "
         "as its name begins with one of ['stem', 'stage1', 'stage2', 'stage3', 'input', 'final', "
         "'head'] and '_'"),
        ({"stages": ("stem", "stage1", "stage2", "stage3", "stage4", "stage5")},
         "model 'resnet18_v2' has no layer in 'stage5'; expected one"),
        ({"between": ("input", "final", "stage1_block1")},
         "layer 'stage1_block1_bn1' of model 'resnet18_v2' is in the parts ['stage1', "
         "'stage1_block1']; expected one part, as its name begins with one of ['stem', 'stage1', "
         "'stage2', 'stage3', 'stage4', 'input', 'final', 'stage1_block1', 'head'] and '_'"),
        ({"heads": {"head": "head_logits"}},
         "model 'resnet18_v2' has no layer 'head_logits' with weights; expected one"),
    ],
)
def test_a_row_that_is_wrong_is_told(resnet, changes, message):
    with pytest.raises(ValueError) as error:
        dataclasses.replace(resnet.structure, **changes).check(resnet)
    assert str(error.value) == message


def test_a_model_out_of_a_file_is_known_by_its_name_if_its_layers_are_these(resnet, tmp_path):
    resnet.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert zoo.models.structure_of(loaded) == resnet.structure
    images = keras.Input((4,))
    named = keras.Model(images, keras.layers.Dense(2, name="head_dense")(images), name="resnet18")
    assert zoo.models.structure_of(named) is None
    unnamed = keras.Model(images, keras.layers.Dense(2)(images))
    assert zoo.models.structure_of(unnamed) is None
    unnamed.structure = Structure(first=("dense",), stages=())
    assert zoo.models.structure_of(unnamed) is unnamed.structure
