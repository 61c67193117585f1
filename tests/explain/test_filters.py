"""Kernels by hand against scipy.ndimage, kernels of first layers against the weights."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
from sklearn.datasets import load_sample_images

import zoo
from zoo.explain import filter_lesson, first_layer_filters
from zoo.explain.filters import KERNELS, read_kernel

PHOTO = load_sample_images().images[0][:60, :70]


@pytest.mark.parametrize("kernel", [*KERNELS, "1,2,-3;0.5,0,1", "1;-1", "2", "1,2;3,4"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_equals_scipy(kernel, stride):
    numbers = read_kernel(kernel).astype(float)
    # scipy's window begins (side - 1) // 2 before a place with this origin, as "same" does.
    origin = [-((side - 1) % 2) for side in numbers.shape]
    same = np.stack([
        scipy.ndimage.correlate(PHOTO[..., c].astype(float), numbers, mode="constant",
                                origin=origin)
        for c in range(3)
    ], axis=-1)
    np.testing.assert_allclose(filter_lesson(PHOTO, kernel, stride=stride),
                               same[::stride, ::stride], atol=1e-3)
    before = [(side - 1) // 2 for side in numbers.shape]
    after = [size - side // 2 for size, side in zip(PHOTO.shape, numbers.shape, strict=False)]
    valid = same[before[0] : after[0] : stride, before[1] : after[1] : stride]
    np.testing.assert_allclose(filter_lesson(PHOTO, kernel, padding="valid", stride=stride), valid,
                               atol=1e-3)


def test_edges_are_found_by_their_direction():
    image = np.zeros((9, 9))
    image[5:] = 1  # a horizontal edge
    for name in ("horizontal_edges", "sobel_horizontal"):
        assert np.abs(filter_lesson(image, name, padding="valid")).max() >= 3
    for name in ("vertical_edges", "sobel_vertical"):
        assert not filter_lesson(image, name, padding="valid").any()
    # Along its own direction a slanting edge gives the largest answer.
    rising = np.add.outer(range(9), range(9)) > 8
    largest = {name: np.abs(filter_lesson(rising, name, padding="valid")).max()
               for name in ("horizontal_edges", "vertical_edges", "rising_edges", "falling_edges")}
    assert max(largest, key=largest.get) == "rising_edges" and largest["falling_edges"] == 0


def test_first_layer_filters_are_the_first_kernel():
    model = zoo.create_model("lenet5", weights="mnist")
    np.testing.assert_array_equal(first_layer_filters(model),
                                  model.get_layer("stage1_conv").get_weights()[0])
    np.testing.assert_array_equal(first_layer_filters(zoo.with_preprocessing(model)),
                                  model.get_layer("stage1_conv").get_weights()[0])
    dense = zoo.create_model("mlp", input_shape=(5, 4, 3))
    kernel = dense.get_layer("stage1_dense1").get_weights()[0]
    unit = first_layer_filters(dense)[..., 7]
    assert unit.shape == (5, 4, 3)
    np.testing.assert_array_equal(unit.ravel(), kernel[:, 7])


@pytest.mark.parametrize("kernel, options, part", [
    ("soble", {}, "got the kernel 'soble'; expected one of identity, horizontal_edges"),
    ("1,2;3", {}, "got the kernel '1,2;3'; expected rows of one length"),
    ("1,inf", {}, "got the kernel '1,inf'; expected finite numbers"),
    ("", {}, "got the kernel ''; expected one of"),
    ("mean", {"padding": "full"}, "got padding='full', stride=1; expected one of"),
    ("mean", {"stride": 0}, "got padding='same', stride=0"),
    ("1," * 63 + "1", {"padding": "valid"}, "expected a kernel that is no larger"),
])
def test_what_cannot_be_is_one_line(kernel, options, part):
    with pytest.raises(ValueError) as error:
        filter_lesson(PHOTO[:, :50], kernel, **options)
    assert part in str(error.value) and "\n" not in str(error.value)
