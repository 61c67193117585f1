"""What the kernels of a new model are drawn from."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import zoo.models

# fan in, fan out -> standard deviation; a normal of deviation 1 has this one when cut at 2.
CUT = 0.87962566
DEVIATIONS = {
    "xavier": lambda fan_in, fan_out: (2 / (fan_in + fan_out)) ** 0.5,
    "msra": lambda fan_in, fan_out: (2 / fan_in) ** 0.5,
    "lecun": lambda fan_in, fan_out: (1 / fan_in) ** 0.5,
    "truncated_normal": lambda fan_in, fan_out: 0.02 * CUT,
}
# Fans of some layers of mobilenet_v1_100: 1x1 512 -> 1024, depthwise 3x3 of 1024, dense.
FANS = {
    "stage5_block1_conv2": (512, 1024),
    "stage5_block2_conv1": (9, 9 * 1024),
    "head_dense": (1024, 1000),
}


def create(**options) -> keras.Model:
    keras.utils.set_random_seed(7)
    return zoo.models.create_model("mobilenet_v1_100", input_shape=(32, 32, 3), **options)


def kernels(model: keras.Model) -> dict[str, np.ndarray]:
    return {x.name: x.kernel.numpy() for x in model.layers if hasattr(x, "kernel")}


@pytest.fixture(scope="module")
def usual() -> keras.Model:
    return create()


@pytest.mark.parametrize("name", DEVIATIONS)
def test_deviations(usual, name):
    model = create(kernel_initializer=name)
    drawn, before = kernels(model), kernels(usual)
    for layer, (fan_in, fan_out) in FANS.items():
        expected = DEVIATIONS[name](fan_in, fan_out)
        np.testing.assert_allclose(drawn[layer].std(), expected, rtol=0.03)
        assert abs(drawn[layer].mean()) < 0.03 * expected
        cut = 3**0.5 if name == "xavier" else 2 / CUT
        assert 0.95 * cut * expected < np.abs(drawn[layer]).max() <= 1.001 * cut * expected
    changed = [layer for layer in drawn if not np.array_equal(drawn[layer], before[layer])]
    assert changed == ([] if name == "xavier" else list(drawn))
    for weight, other in zip(model.weights, usual.weights, strict=True):
        if weight.name != "kernel":
            np.testing.assert_array_equal(weight, other)


def test_grouped_convolution_has_the_fan_of_its_group():
    keras.utils.set_random_seed(7)
    model = zoo.models.create_model("alexnet", width=0.5, kernel_initializer="msra")
    kernel = kernels(model)["stage2_conv1"]
    assert kernel.shape == (5, 5, 24, 128)
    np.testing.assert_allclose(kernel.std(), (2 / (25 * 24)) ** 0.5, rtol=0.03)


def test_seed_decides_and_each_layer_draws_for_itself():
    first, second = (kernels(create(kernel_initializer="msra")) for _ in range(2))
    for layer in first:
        np.testing.assert_array_equal(first[layer], second[layer])
    twins = [first[f"stage4_block{i}_conv2"] for i in (2, 3)]
    assert twins[0].shape == twins[1].shape and not np.array_equal(*twins)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("msra", {"scale": 2.0, "distribution": "truncated_normal"}),
        ("lecun", {"scale": 1.0, "distribution": "truncated_normal"}),
        ("truncated_normal", {"stddev": 0.02}),
    ],
)
def test_saved_file_names_it(tmp_path, name, expected):
    model = zoo.models.create_model(
        "mobilenet_v1_025", input_shape=(32, 32, 3), kernel_initializer=name
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    saved = kernels(model)
    for layer, kernel in kernels(loaded).items():
        np.testing.assert_array_equal(kernel, saved[layer])
        config = loaded.get_layer(layer).get_config()
        depthwise = "depthwise_initializer" in config
        initializer = config["depthwise_initializer" if depthwise else "kernel_initializer"]
        values = initializer["config"]
        assert {key: values[key] for key in expected} == expected
        if "scale" in expected:
            assert values["mode"] == ("fan_out" if depthwise else "fan_in")


@pytest.mark.parametrize("name", ["he_normal", None, 0.02])
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError) as error:
        zoo.models.create_model("lenet5", kernel_initializer=name)
    assert str(error.value) == (
        f"got kernel_initializer={name!r}; "
        "expected one of ['xavier', 'msra', 'lecun', 'truncated_normal']"
    )
