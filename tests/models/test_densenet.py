"""DenseNet: table 1 of the paper, concatenation, transitions, options."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo.finetune
import zoo.models
from zoo.models import densenet, family

SMALL = {"input_shape": (64, 32, 3), "width": 0.125, "num_classes": 3}


def kernels(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if hasattr(layer, "kernel")]


@pytest.mark.parametrize("depth", [121, 161, 169, 201])
def test_name_is_the_number_of_layers_with_a_kernel(depth):
    blocks = densenet.MODELS[f"densenet{depth}"].deltas["num_layers"]
    # Stem, two a layer of a block, three transitions, classifier: arXiv:1608.06993, table 1.
    assert 1 + 2 * sum(blocks) + 3 + 1 == depth


def test_layers_of_densenet121():
    model = zoo.models.create_model("densenet121", **SMALL)
    assert len(kernels(model)) == 121
    # Growth rate 4: 8 channels, then 4 a layer and half of all at each transition.
    channels = {name: stage.channels for name, stage in zoo.finetune.stages(model).items()}
    assert channels == {"stem": 8, "stage1": 32, "stage2": 64, "stage3": 128, "stage4": 128}
    names = [layer.name for layer in model.layers]
    assert names[:8] == [
        "images", "stem_conv_pad", "stem_conv", "stem_bn", "stem_act", "stem_pool_pad",
        "stem_pool", "stage1_block1_bn1",
    ]  # fmt: skip
    first = names.index("stage1_block6_concat")
    assert names[first : first + 12] == [
        "stage1_block6_concat", "stage2_transition_bn1", "stage2_transition_act1",
        "stage2_transition_conv1", "stage2_transition_pool", "stage2_block1_bn1",
        "stage2_block1_act1", "stage2_block1_conv1", "stage2_block1_bn2", "stage2_block1_act2",
        "stage2_block1_conv2", "stage2_block1_concat",
    ]  # fmt: skip
    assert names[-5:] == [
        "stage4_block16_concat", "final_bn", "final_act", "head_pool", "head_dense"
    ]
    bottleneck, grown = (
        model.get_layer(f"stage3_block9_conv{i}").kernel.shape for i in (1, 2)
    )
    assert (bottleneck, grown) == ((1, 1, 64 // 2 + 8 * 4, 16), (3, 3, 16, 4))


def test_a_layer_adds_maps_and_keeps_those_before():
    model = zoo.models.create_model("densenet121", **SMALL)
    names = ("stage1_block3_concat", "stage1_block4_conv2", "stage1_block4_concat")
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in names])
    images = np.random.default_rng(7).standard_normal((2, 64, 32, 3)).astype("float32")
    before, new, after = (keras.ops.convert_to_numpy(x) for x in outputs(images))
    np.testing.assert_array_equal(after, np.concatenate([before, new], axis=-1))
    assert before.shape[-1] == 20 and new.std() > 0


@pytest.mark.parametrize(
    ("small_input", "strides"), [(False, [2, 4, 8, 16, 32]), (True, [1, 1, 2, 4, 8])]
)
def test_strides(small_input, strides):
    model = zoo.models.create_model("densenet121", **SMALL, small_input=small_input)
    # The stem ends in its pooling, which is at stage 1's stride.
    expected = dict(zip(("stem", "stage1", "stage2", "stage3", "stage4"), strides, strict=True))
    stages = {name: stage.stride for name, stage in zoo.finetune.stages(model).items()}
    assert stages == {**expected, "stem": strides[1]}
    stem = model.get_layer("stem_conv")
    assert stem.kernel_size == ((3, 3) if small_input else (7, 7))
    assert stem.strides == (strides[0], strides[0])


def test_smallest_input():
    model = zoo.models.create_model("densenet121", input_shape=(29, 29, 1), width=0.125)
    assert model.get_layer("final_act").output.shape[1:3] == (1, 1)
    with pytest.raises(ValueError, match=r"got input_shape=\(29, 28, 1\); expected .* >= 29"):
        zoo.models.create_model("densenet121", input_shape=(29, 28, 1))
    variant = densenet.MODELS["densenet121"]
    with pytest.raises(ValueError, match="[Nn]egative|non-positive|zero"):
        variant.build(keras.Input((29, 28, 1)), family.Head(3), **variant.deltas, width=0.125)


def test_options():
    for option, message in {
        "small_input": "got small_input=1; expected True or False",
        "activation": "got activation=1; expected the name of a Keras activation",
    }.items():
        with pytest.raises(ValueError, match=message):
            zoo.models.create_model("densenet121", **SMALL, **{option: 1})
    with pytest.raises(ValueError, match="got width=-1; expected a number over 0"):
        zoo.models.create_model("densenet121", width=-1)
    with pytest.raises(ValueError, match="unknown option 'zero_gamma' for model 'densenet121'"):
        zoo.models.create_model("densenet121", zero_gamma=True)
    model = zoo.models.create_model("densenet121", **SMALL, activation="gelu", dropout=0.25)
    acts = [x for x in model.layers if isinstance(x, keras.layers.Activation)]
    assert {x.activation for x in acts} == {keras.activations.gelu} and len(acts) == 121
    assert model.get_layer("head_dropout").rate == 0.25
