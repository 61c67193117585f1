"""What a built model does: dtypes, initialisation, saving."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from forward import answer, images_like

import zoo.models
from zoo.models import blocks

SMALL = {"mlp": (28, 28, 1), "lenet5": (28, 28, 1), "resnet18d": (32, 32, 3)}


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def mixed_policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("name", SMALL)
def test_logits_are_float32_in_mixed_precision(mixed_policy, name):
    model = zoo.models.create_model(
        name, input_shape=SMALL[name], num_classes=5, classifier_activation="softmax"
    )
    compute = mixed_policy.removeprefix("mixed_")
    kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
    assert {layer.compute_dtype for layer in kernels[:-1]} == {compute}
    assert kernels[-1].name == "head_dense"
    assert kernels[-1].compute_dtype == model.output.dtype == "float32"
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    probabilities = answer(model, images_like(SMALL[name]))
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def block_outputs(model: keras.Model) -> list[tuple[keras.KerasTensor, keras.KerasTensor]]:
    """(what a block must give while its branch is zero, what it gives), block by block."""
    names = [layer.name for layer in model.layers]
    pairs, before = [], model.get_layer("stem_pool").output
    for name in names:
        if not name.endswith("_add"):
            continue
        block = name.removesuffix("_add")
        after = model.layers[names.index(name) + 1].output
        if f"{block}_shortcut_bn" in names:
            before = keras.ops.relu(model.get_layer(f"{block}_shortcut_bn").output)
        pairs.append((before, after))
        before = after
    return pairs


@pytest.mark.parametrize(("name", "num_blocks"), [("resnet18", 8), ("resnet50d", 16)])
def test_zero_gamma_starts_each_block_as_its_shortcut(name, num_blocks):
    images = images_like((32, 32, 3))
    for zero_gamma in (True, False):
        model = zoo.models.create_model(name, input_shape=(32, 32, 3), zero_gamma=zero_gamma)
        pairs = block_outputs(model)
        assert len(pairs) == num_blocks
        values = keras.Model(model.input, pairs)(images)
        same = [np.array_equal(before, after) for before, after in values]
        assert same == [zero_gamma] * num_blocks
        assert all(np.abs(after).max() > 0 for _, after in values)


def test_batch_norm_constants_and_initialisers():
    model = zoo.models.create_model("resnet18d", input_shape=(32, 32, 3))
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == 22
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.9, 1e-5)}
    assert (blocks.BN_MOMENTUM, blocks.BN_EPSILON) == (0.9, 1e-5)
    kernels = {x.name: x for x in model.layers if hasattr(x, "kernel")}
    assert {type(x.kernel_initializer).__name__ for x in kernels.values()} == {"GlorotUniform"}
    kernel = keras.ops.convert_to_numpy(kernels["stage4_block2_conv2"].kernel)
    limit = np.sqrt(6 / (9 * 512 + 9 * 512))  # Xavier: sqrt(6 / (fan_in + fan_out))
    assert 0.99 * limit < np.abs(kernel).max() <= 1.00001 * limit
    assert not keras.ops.convert_to_numpy(kernels["head_dense"].bias).any()


def test_equal_layers_start_with_different_weights():
    model = zoo.models.create_model("resnet18", input_shape=(32, 32, 3))
    first, second = (
        keras.ops.convert_to_numpy(model.get_layer(f"stage1_block{i}_conv1").kernel)
        for i in (1, 2)
    )
    assert not np.array_equal(first, second)


def test_images_are_channels_last_whatever_the_configuration():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        for name, shape in SMALL.items():
            model = zoo.models.create_model(name, input_shape=shape, num_classes=3)
            assert answer(model, images_like(shape)).shape == (2, 3)
            formats = {getattr(layer, "data_format", "channels_last") for layer in model.layers}
            assert formats == {"channels_last"}
    finally:
        keras.config.set_image_data_format(before)


LOAD = """
import sys
import keras, numpy as np
for name in sys.argv[1:]:
    model = keras.models.load_model(name + ".keras")
    call = lambda images: model(images, training=False)
    if keras.backend.backend() == "jax":  # which else compiles each operation by itself
        import jax
        call = jax.jit(call)
    answers = call(np.load(name + ".images.npy"))
    answers = [keras.ops.convert_to_numpy(x) for x in keras.tree.flatten(answers)]
    np.savez(name + ".loaded.npz", *answers)
print(keras.backend.backend(), "zoo" in sys.modules)
"""


NARROW = {"width": 0.125, "input_shape": (64, 64, 3), "num_classes": 5}
# A small network of each family, with what is special in it. One row a family.
SAVED = {
    "alexnet": ("alexnet", NARROW),  # response normalisation, groups
    "densenet": ("densenet121", NARROW),
    "efficientnet_lite": ("efficientnet_lite0", NARROW),
    "googlenet": ("googlenet", {**NARROW, "input_shape": (79, 79, 3), "aux_heads": True}),
    "inception_v3": ("inception_v3", {**NARROW, "input_shape": (75, 75, 3)}),
    "lenet": ("lenet5", {"activation": "prelu"}),
    "mlp": ("mlp", {"dropout": 0.1}),
    "mobilenet": ("mobilenet_v1_025", {"input_shape": (64, 64, 3), "num_classes": 5}),
    "mobilenet_v2": ("mobilenet_v2_025", {"input_shape": (64, 64, 3), "num_classes": 5}),
    "mobilenet_v3": (
        "mobilenet_v3_small_050",
        {"input_shape": (64, 64, 3), "num_classes": 5, "kernel_initializer": "msra"},
    ),
    "resnet": ("resnet18_v2", {**NARROW, "stochastic_depth": 0.5}),
    "vgg": ("vgg11_bn", {**NARROW, "input_shape": (96, 96, 3)}),  # adaptive pooling
    "zfnet": ("zfnet", NARROW),
}


def test_every_family_has_a_row():
    assert {zoo.models.family_of(name) for name in zoo.models.list_models()} == set(SAVED)


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory):
    """Files NAME.keras, with images and answers, of each family."""
    folder = tmp_path_factory.mktemp("saved")
    for name, options in SAVED.values():
        model = zoo.models.create_model(name, **options)
        images = images_like(model.input_shape[1:])
        answers = model(images, training=False)
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.images.npy", images)
        np.savez(folder / f"{name}.npz", *keras.tree.flatten(answers))
    return folder


# Loading begins with drawing each kernel, which JAX compiles one by one: the deep ones, of the same
# layers, would take minutes.
OPENED = {
    "tensorflow": list(SAVED),
    "jax": ["alexnet", "lenet", "mlp", "mobilenet_v3", "resnet", "vgg", "zfnet"],
}


@pytest.mark.parametrize("backend", OPENED)
def test_saved_models_open_without_this_library(saved_models, backend):
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    names = [SAVED[family][0] for family in OPENED[backend]]
    run = subprocess.run(
        [sys.executable, "-c", LOAD, *names],
        cwd=saved_models,
        env={**environment, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split()[-2:] == [backend, "False"]
    for name in names:
        saved, loaded = (
            np.load(saved_models / f"{name}{end}.npz") for end in ("", ".loaded")
        )
        assert len(saved) == len(loaded) == (3 if name == "googlenet" else 1)
        for key in saved:
            scale = np.abs(saved[key]).max()
            assert scale > 0
            np.testing.assert_allclose(loaded[key], saved[key], rtol=0, atol=1e-4 * scale)


@pytest.mark.parametrize("name", SMALL)
def test_weight_files_load_into_a_new_model(tmp_path, name):
    saved, loaded = (zoo.models.create_model(name, input_shape=SMALL[name]) for _ in range(2))
    images = images_like(SMALL[name])
    expected = answer(saved, images)
    assert not np.array_equal(answer(loaded, images), expected)
    saved.save_weights(tmp_path / "model.weights.h5")
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(answer(loaded, images), expected)
