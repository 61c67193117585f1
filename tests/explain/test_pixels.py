"""Integrated gradients, SmoothGrad and occlusion against what they are by definition."""

from __future__ import annotations

import numpy as np
import pytest
from small_nets import SHAPE, forward, images, small_net

import zoo
from zoo.explain import integrated_gradients, occlusion, smooth_grad


def gradient(model, image, own):
    """Of a logit by the image, by differences in float64."""
    found = np.zeros(SHAPE)
    for place in np.ndindex(SHAPE):
        step = np.zeros(SHAPE)
        step[place] = 1e-6
        up, down = (forward(model, image + sign * step)["logits"][own] for sign in (1, -1))
        found[place] = (up - down) / 2e-6
    return found


def test_integrated_gradients_sum_to_the_difference_of_the_logits():
    model, batch = small_net(), images()
    found = integrated_gradients(model, batch, classes=[0, 1, 2], baseline=0.1)
    base = forward(model, np.full(SHAPE, 0.1))["logits"]
    for own, (image, map_) in enumerate(zip(batch, found, strict=True)):
        difference = forward(model, image)["logits"][own] - base[own]
        assert map_.sum() == pytest.approx(difference, rel=0.01)


def test_integrated_gradients_of_real_weights(digits):
    """docs/measurements/explain.md has EfficientNet-Lite0 and photographs."""
    model = zoo.create_model("lenet", weights="mnist")
    batch = zoo.preprocess_input(digits[0][:4], model)
    black = zoo.preprocess_input(np.zeros((28, 28, 1), "uint8"), model)
    logits, base = (np.asarray(model(x)) for x in (batch, black))
    own = logits.argmax(-1)
    sums = integrated_gradients(model, batch, baseline=black).sum((1, 2, 3), dtype="float64")
    np.testing.assert_allclose(sums, logits[range(4), own] - base[0, own], rtol=0.01)


def test_integrated_gradients_where_the_network_is_linear_need_no_more_than_the_first_pieces():
    """Between two images without a kink the mean gradient is the gradient."""
    model, image = small_net(), images(1)
    near = image * (1 + 1e-5)
    found = integrated_gradients(model, near, classes=0, baseline=image)
    np.testing.assert_allclose(found[0], (near - image)[0] * gradient(model, image[0], 0),
                               rtol=1e-3, atol=1e-8)


def test_smooth_grad_without_noise_is_the_gradient():
    model, batch = small_net(), images(1)
    own = forward(model, batch[0])["logits"].argmax()
    np.testing.assert_allclose(smooth_grad(model, batch, noise=0, samples=2)[0],
                               gradient(model, batch[0], own), atol=1e-5)


def test_smooth_grad_is_the_same_for_the_same_seed_and_smoother():
    model, batch = small_net(), images()
    found = smooth_grad(model, batch, classes=0)
    np.testing.assert_array_equal(smooth_grad(model, batch, classes=0), found)
    assert (smooth_grad(model, batch, classes=0, seed=1) != found).any()
    # With the noise of half an image's range it is far from the gradient.
    assert np.abs(found - smooth_grad(model, batch, classes=0, noise=0)).max() > 1e-3


def test_occlusion_by_covering_each_square():
    model, batch = small_net(), images(2)
    found = occlusion(model, batch, classes=[2, 0], window=4, stride=3, value=0.5)
    for image, own, map_ in zip(batch, (2, 0), found, strict=True):
        before = forward(model, image)["logits"][own]
        fall, covered = np.zeros((2, 12, 12))
        for top in (0, 3, 6, 8):
            for left in (0, 3, 6, 8):
                other = image.copy()
                other[top : top + 4, left : left + 4] = 0.5
                place = np.s_[top : top + 4, left : left + 4]
                fall[place] += before - forward(model, other)["logits"][own]
                covered[place] += 1
        np.testing.assert_allclose(map_, fall / covered, atol=1e-5)


@pytest.mark.parametrize("call, part", [
    (lambda *x: integrated_gradients(*x, tolerance=0), "got tolerance=0, most_steps=512"),
    (lambda *x: smooth_grad(*x, samples=0), "got samples=0, noise=0.15"),
    (lambda *x: occlusion(*x, window=13), "got window=13, stride=6 for images of 12x12"),
    (lambda *x: occlusion(*x, window=2, stride=3), "got window=2, stride=3"),
])
def test_what_cannot_be_is_one_line(call, part):
    with pytest.raises(ValueError) as error:
        call(small_net(), images())
    assert part in str(error.value) and "\n" not in str(error.value)
