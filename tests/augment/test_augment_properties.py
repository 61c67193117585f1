"""What holds for any arguments, levels and parameters, not for those of the table alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from augment_rows import OPS, drawn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from zoo.augment import parse_policy
from zoo.augment.pixels import affine
from zoo.augment.pixels.choice import BLENDS, OPERATIONS, apply_rounds
from zoo.augment.pixels.histogram import equalize_table, histogram
from zoo.augment.pixels.levels import pack, unpack
from zoo.augment.pixels.warp import warp

SIDE = 9
IMAGES = np.random.default_rng(0).uniform(0, 255, (4, SIDE, SIDE, 3)).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)[[0, 1, 2, 2]]
# The arguments of a good call of each op.
GOOD = {name: vars(parse_policy(row.spec).ops[0]) for name, row in OPS.items()}

NUMBERS = st.sampled_from(
    [0.1, 0.5, 1, 2, 9, 0, -1, 2**31, 10**400, 1e-300, 1e-35, 1e35, 1e300]
) | st.floats(0, 2) | st.floats(allow_nan=False, allow_infinity=False) | st.integers()
VALUES = NUMBERS | st.tuples(NUMBERS, NUMBERS) | st.sampled_from([
    None, True, "", "nearest", "cifar10", (), (0.1,), [0.1, 0.2], {0: 0.1, 1: 0.2}, b"ab", 1j,
])


@st.composite
def specs(draw) -> str:
    name = draw(st.sampled_from(sorted(GOOD)))
    arguments = dict(GOOD[name])
    if arguments:
        arguments[draw(st.sampled_from(sorted(arguments)))] = draw(VALUES)
    return f"{name}({', '.join(f'{field}={value!r}' for field, value in arguments.items())})"


@settings(max_examples=150)
@given(specs())
@example(f"mixup(alpha={10**400})")
@example("mixup_or_cutmix(1e300)")
@example(f"pad_crop({2**31})")
def test_arguments_are_refused_in_one_line_or_work(spec):
    try:
        policy = parse_policy(spec)
    except ValueError as error:
        assert "\n" not in str(error) and "expected" in str(error)
        return
    parameters = policy.sample(tf.constant([1, 2]), len(IMAGES), SIDE)
    images, labels = policy.apply(tf.constant(IMAGES), tf.constant(LABELS), parameters)
    assert np.all(images >= 0) and np.all(images <= 255 + 1e-4)
    np.testing.assert_allclose(tf.reduce_sum(labels, 1), 1, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_blur_wider_than_the_image(size):
    images = np.random.default_rng(0).uniform(0, 255, (3, size, size, 3)).astype(np.float32)
    drawn = tf.constant([0.0, 0.6, 9.0])
    got, _ = parse_policy("blur(10)").apply(tf.constant(images), tf.constant(LABELS[:3]), [drawn])
    np.testing.assert_array_equal(got[0], images[0])
    for image, sigma, blurred in list(zip(images, drawn.numpy(), got, strict=True))[1:]:
        for axis in (0, 1):
            image = scipy.ndimage.gaussian_filter1d(
                image, sigma, axis, mode="mirror", radius=size - 1
            )
        np.testing.assert_allclose(blurred, image, rtol=0, atol=2e-3)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=40), st.integers(1, 60))
@example([7], 1)
@example([0, 255], 1)
def test_equalize_table_is_pils(levels, times):
    levels = np.repeat(np.array([levels], np.uint8), times, 1)
    table = equalize_table(histogram(tf.constant(levels, tf.int32))).numpy()
    assert table.min() >= 0 and table.max() <= 255
    np.testing.assert_array_equal(table[levels], ImageOps.equalize(Image.fromarray(levels)))


@given(st.integers(1, 3).flatmap(lambda channels: arrays(np.uint8, (2, 3, 3, channels))),
       st.floats(-0.5, 0.4375, width=32))
def test_packed_levels_come_back_rounded(levels, fraction):
    given_levels = np.clip(levels + np.float32(fraction), 0, 255)
    np.testing.assert_array_equal(unpack(pack(tf.constant(given_levels)), levels.shape[-1]), levels)


def square(maps) -> np.ndarray:
    """The first of float64 [B, 6] as a matrix, to multiply with others."""
    return np.vstack([np.reshape(maps[0], (2, 3)), [0, 0, 1]])


DEGREES, FACTORS, SHIFTS = st.floats(-180, 180), st.floats(0.1, 10), st.floats(-2, 2)


@settings(max_examples=25)
@given(DEGREES, FACTORS, FACTORS, SHIFTS, st.integers(1, 512))
def test_maps_and_their_inverses_are_the_identity(degrees, x, y, tangent, size):
    zero, shift = tf.constant([0.0]), tf.constant([tangent])
    for there, back in (
        (affine.rotation([degrees], size), affine.rotation([-degrees], size)),
        (affine.zoom([x], [y], size), affine.zoom([1 / x], [1 / y], size)),
        (affine.shear([tangent], [0.0], size), affine.shear([-tangent], [0.0], size)),
        (affine.shear([0.0], [tangent], size), affine.shear([0.0], [-tangent], size)),
        (affine.corner_shear(shift, zero), affine.corner_shear(-shift, zero)),
        (affine.translation(shift, -shift), affine.translation(-shift, shift)),
    ):
        # Arguments in float32, of up to a 10,000 pixels' product.
        np.testing.assert_allclose(square(there) @ square(back), np.eye(3), rtol=0, atol=2e-3)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@settings(max_examples=20)
@given(st.integers(-SIDE, SIDE), st.integers(-SIDE, SIDE))
def test_there_and_back_again(interpolation, x, y):
    """By whole pixels, to the bit; what left the image comes back as the fill."""
    seen = IMAGES
    for sign in (1, -1):
        shift = [tf.fill([len(IMAGES)], sign * float(part)) for part in (x, y)]
        maps = affine.fixed_point(affine.translation(*shift))
        seen = warp(tf.constant(seen), maps, fill=77, interpolation=interpolation).numpy()
    place = np.arange(SIDE)
    stayed = [(place + part >= 0) & (place + part < SIDE) for part in (y, x)]
    stayed = (stayed[0][:, None] & stayed[1])[..., None]
    np.testing.assert_array_equal(seen, np.where(stayed, IMAGES, 77))


SHARES = arrays(np.float32, 4, elements=st.floats(0, 1, width=32))
PARTNERS = arrays(np.int32, 4, elements=st.integers(0, 3))
CORNERS = arrays(np.int32, (4, 2, 2), elements=st.integers(0, SIDE))


@settings(max_examples=25)
@given(SHARES, PARTNERS, CORNERS, PARTNERS)
def test_mixed_labels_are_distributions_and_levels_between_the_two(share, one, corners, other):
    # A draw has no rectangle of a height and no width.
    corners = np.sort(corners, 1)
    corners[np.any(corners[:, 0] == corners[:, 1], 1)] = 0
    mixup, cutmix = (share, one), (corners.reshape(4, 4), other)
    for spec, parameters in (
        ("mixup(1)", mixup), ("cutmix", cutmix), ("mixup_or_cutmix", (mixup, cutmix)),
    ):
        (op,) = parse_policy(spec).ops
        images, labels = op.apply(
            tf.constant(IMAGES), tf.constant(LABELS), tf.nest.map_structure(tf.constant, parameters)
        )
        assert np.all(labels >= 0), spec
        np.testing.assert_allclose(tf.reduce_sum(labels, 1), 1, rtol=0, atol=1e-6)
        used = [IMAGES, IMAGES[one], IMAGES[other]]
        assert np.all(images >= np.min(used, 0) - 1e-3) and np.all(images <= np.max(used, 0) + 1e-3)


STRENGTHS = {
    "solarize": st.integers(0, 256), "posterize": st.integers(1, 8),
    **dict.fromkeys(BLENDS, st.floats(0, 2)),
}
STEPS = st.sampled_from(OPERATIONS).flatmap(lambda name: st.tuples(
    st.just(name), STRENGTHS.get(name, st.just(0)),
    st.tuples(*[st.floats(-2, 2)] * 2, st.floats(-20, 20), *[st.floats(-2, 2)] * 2,
              st.floats(-20, 20)),
))


@settings(max_examples=15)
@given(st.lists(st.lists(STEPS, min_size=2, max_size=2), min_size=4, max_size=4),
       st.sampled_from([1, 3]))
def test_rounds_keep_whole_levels_in_range(rounds, channels):
    parameters = tf.nest.map_structure(tf.constant, drawn(rounds))
    images = apply_rounds(tf.constant(np.floor(IMAGES[..., :channels])), parameters).numpy()
    assert images.min() >= 0 and images.max() <= 255
    np.testing.assert_array_equal(images, np.floor(images))
