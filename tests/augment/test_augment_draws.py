"""What ops draw: ranges, shapes of distributions, independence of the images."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from augment_references import unfixed
from scipy import stats

from zoo.augment import parse_policy
from zoo.augment.pixels import draw
from zoo.augment.pixels.choice import OPERATIONS

DRAWS = 20_000
SIDE = 224
P_VALUE = 1e-4  # seeds are fixed: a good generator passes at all of them or is looked at


def draws(spec: str):
    (op,) = parse_policy(spec).ops
    return tf.nest.map_structure(np.asarray, op.sample(tf.constant([3, 4]), DRAWS, SIDE))


def degrees(maps):
    return np.rad2deg(np.arctan2(*unfixed(maps)[:, [3, 0]].T))


UNIFORM = [
    ("brightness(0.4)", lambda drawn: drawn, 0.6, 1.4),
    ("contrast(1.0)", lambda drawn: drawn, 0.0, 2.0),
    ("saturation(0.2)", lambda drawn: drawn, 0.8, 1.2),
    ("sharpness(0.9)", lambda drawn: drawn, 0.1, 1.9),
    ("hue(0.3)", lambda drawn: drawn, -0.3, 0.3),
    ("hsb(0.4)", lambda drawn: drawn[0], -0.4, 0.4),
    ("hsb(0.4)", lambda drawn: drawn[1], 0.6, 1.4),
    ("hsb(0.4)", lambda drawn: drawn[2], 0.6, 1.4),
    ("jitter(0.1, 0.2, 0.3, 0.4)", lambda drawn: drawn[0], 0.9, 1.1),
    ("jitter(0.1, 0.2, 0.3, 0.4)", lambda drawn: drawn[1], 0.8, 1.2),
    ("jitter(0.1, 0.2, 0.3, 0.4)", lambda drawn: drawn[2], 0.7, 1.3),
    ("jitter(0.1, 0.2, 0.3, 0.4)", lambda drawn: drawn[3], -0.4, 0.4),
    ("noise(20)", lambda drawn: drawn[1], 0, 20),
    ("blur(2.0)", lambda drawn: drawn, 0, 2),
    ("rotate(30)", degrees, -30, 30),
    ("translate(0.1, 0.25)", lambda drawn: -unfixed(drawn)[:, 2], -22.4, 22.4),
    ("translate(0.1, 0.25)", lambda drawn: -unfixed(drawn)[:, 5], -56, 56),
    ("shear(0.3, 0.1)", lambda drawn: unfixed(drawn)[:, 1], -0.3, 0.3),
    ("shear(0.3, 0.1)", lambda drawn: unfixed(drawn)[:, 3], -0.1, 0.1),
    ("zoom(0.5, 2.0)", lambda drawn: 1 / unfixed(drawn)[:, 0], 0.5, 2),
    ("zoom(0.5, 2.0, True)", lambda drawn: 1 / unfixed(drawn)[:, 4], 0.5, 2),
]


@pytest.mark.parametrize("spec, part, low, high", UNIFORM)
def test_uniform(spec, part, low, high):
    values = part(draws(spec)).astype(np.float64)
    margin = 1e-3 * (high - low)  # steps of fixed point, and float32
    assert low - margin <= values.min() and values.max() <= high + margin
    assert stats.kstest((values - low) / (high - low), "uniform").pvalue > P_VALUE
    # one image's draw tells nothing of the next one's
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 4 / np.sqrt(DRAWS)


@pytest.mark.parametrize("spec, same", [("zoom(0.5, 2.0)", True), ("zoom(0.5, 2.0, True)", False)])
def test_zoom_axes(spec, same):
    maps = unfixed(draws(spec))
    assert np.array_equal(maps[:, 0], maps[:, 4]) == same
    # the centre of the image stays
    np.testing.assert_allclose(maps[:, 0] * 112 + maps[:, 2], 112, atol=0.01)


def test_lighting_is_normal():
    drawn = draws("lighting(0.1)")
    assert stats.kstest(drawn.ravel() / 0.1, "norm").pvalue > P_VALUE
    assert np.abs(np.corrcoef(drawn.T) - np.eye(3)).max() < 4 / np.sqrt(DRAWS)


@pytest.mark.parametrize("spec, rate", [
    ("flip_up_down(0.3)", 0.3), ("grey(0.2)", 0.2), ("invert(0.1)", 0.1), ("equalize(0.9)", 0.9),
    ("posterize(2, 0.6)", 0.6), ("solarize(9, 0.4)", 0.4), ("autocontrast(1.0)", 1.0),
])
def test_rates(spec, rate):
    assert stats.binomtest(int(draws(spec).sum()), DRAWS, rate).pvalue > P_VALUE


def test_noise_is_normal_and_different_in_each_image():
    (op,) = parse_policy("noise(20)").ops
    grey = tf.fill([2, 64, 64, 3], 128.0)
    changed = op.apply(grey, None, (tf.constant([5, 6]), tf.constant([20.0, 20.0])))[0] - grey
    one, other = changed.numpy().reshape(2, -1) / 20
    assert stats.kstest(one, "norm").pvalue > P_VALUE
    for a, b in ((one, other), (one[:-1], one[1:]), (one[:-192], one[192:])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(len(a))


def test_erase_rectangles():
    top, left, bottom, right = draws("erase(0.5, area=(0.1, 0.3), ratio=(0.5, 2.0))").T
    erased = bottom > top
    assert stats.binomtest(int(erased.sum()), DRAWS, 0.5).pvalue > P_VALUE
    high, wide = (bottom - top)[erased], (right - left)[erased]
    assert min(top.min(), left.min()) >= 0 and max(bottom.max(), right.max()) <= SIDE
    area = high * wide / SIDE**2
    assert 0.09 < area.min() and area.max() < 0.31 and abs(area.mean() - 0.2) < 0.01
    ratio = high / wide
    assert 0.48 < ratio.min() and ratio.max() < 2.1 and abs(np.log(ratio).mean()) < 0.02


def test_erasing_with_noise():
    """Within the rectangle normal, cut to the levels, other in each image; outside as it was."""
    (op,) = parse_policy("erase(1.0, area=(0.3, 0.4), value=114, noise=58)").ops
    rectangles, own = op.sample(tf.constant([3, 4]), 2, 64)
    grey = tf.fill([2, 64, 64, 3], 250.0)
    changed = op.apply(grey, None, (rectangles, own))[0].numpy()
    pieces = []
    for image, (top, left, bottom, right) in zip(changed, rectangles.numpy(), strict=True):
        pieces.append(image[top:bottom, left:right].copy())
        image[top:bottom, left:right] = 250
    assert np.all(changed == 250)
    for piece in pieces:
        within = piece[(piece > 0) & (piece < 255)]
        low, high = (0 - 114) / 58, (255 - 114) / 58
        assert stats.kstest(within, stats.truncnorm(low, high, 114, 58).cdf).pvalue > P_VALUE
        assert abs(np.mean(piece == 0) - stats.norm.cdf(low)) < 0.01
    count = min(piece.size for piece in pieces)
    one, other = (piece.ravel()[:count] for piece in pieces)
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(count)
    # The same rectangles as without.
    (plain,) = parse_policy("erase(1.0, area=(0.3, 0.4))").ops
    assert np.array_equal(plain.sample(tf.constant([3, 4]), 2, 64), rectangles)


def test_cutout_squares():
    top, left, bottom, right = draws("cutout(32)").T
    whole = (top > 0) & (left > 0) & (bottom < SIDE) & (right < SIDE)
    assert np.all((bottom - top)[whole] == 32) and np.all((right - left)[whole] == 32)
    assert 0 <= top.min() and bottom.max() <= SIDE and (bottom - top).min() == 16


def test_cutmix_areas():
    """Of alpha 1: sides are sqrt(1 - uniform), some of it cut off."""
    (top, left, bottom, right), partner = draws("cutmix(1.0)")[0].T, draws("cutmix(1.0)")[1]
    assert sorted(partner) == list(range(DRAWS))
    inner = (top > 0) & (bottom < SIDE)
    assert np.all((right - left)[inner] <= (bottom - top)[inner])
    assert 0.25 < np.mean((bottom - top) * (right - left)) / SIDE**2 < 0.35


@pytest.mark.parametrize("spec, places", [("rand_augment(2, 9)", 2), ("trivial_augment", 1)])
def test_choices_are_uniform_over_fourteen(spec, places):
    drawn = draws(spec)
    for place in range(places):
        counts = np.bincount(drawn["operation"][:, place], minlength=len(OPERATIONS))
        assert counts[14:].sum() == 0 and stats.chisquare(counts[:14]).pvalue > P_VALUE


def strengths(spec: str, name: str) -> np.ndarray:
    drawn = draws(spec)
    return drawn["strength"][drawn["operation"] == OPERATIONS.index(name)]


@pytest.mark.parametrize("name, values", [
    ("rotate", [-27, 27]), ("shear_x", [-0.27, 0.27]), ("color", [0.19, 1.81]),
    ("translate_y", [-0.9 * 150 / 331 * SIDE, 0.9 * 150 / 331 * SIDE]), ("solarize", [26]),
    ("posterize", [4]), ("equalize", [0]),
])
def test_rand_augment_at_nine(name, values):
    drawn = strengths("rand_augment(2, 9)", name)
    np.testing.assert_allclose(np.unique(drawn), values, rtol=0, atol=2e-4 * max(1, values[-1]))
    if len(values) == 2:
        assert stats.binomtest(int(np.sum(drawn == drawn.max())), len(drawn), 0.5).pvalue > P_VALUE


@pytest.mark.parametrize("name, values", [
    ("posterize", [1]), ("solarize", [26]), ("solarize_add", [99]), ("rotate", [-27, 27]),
    ("translate_x", [-0.405 * SIDE, 0.405 * SIDE]), ("sharpness", [0.19, 1.81]),
])
def test_rand_augment_of_timm_at_nine(name, values):
    """timm 1.0.31, data/auto_augment.py: whole numbers are cut off, 3.6 bits to 3 of 4."""
    drawn = strengths("rand_augment(2, 9, operations=timm)", name)
    np.testing.assert_allclose(np.unique(drawn), values, rtol=0, atol=2e-4 * max(1, values[-1]))


def test_rand_augment_of_timm_draws_from_fifteen():
    drawn = draws("rand_augment(2, 9, operations=timm)")["operation"]
    counts = np.bincount(drawn[:, 0], minlength=len(OPERATIONS))
    assert counts[0] == 0 and stats.chisquare(counts[1:]).pvalue > P_VALUE


def test_rand_augment_by_its_rate():
    """Each round by itself leaves an image alone with 1 - rate, and with rate * 1 / 14."""
    found = draws("rand_augment(3, 9, rate=0.25)")["operation"] == OPERATIONS.index("identity")
    for round_ in found.T:
        share = 0.75 + 0.25 / 14
        assert stats.binomtest(int(round_.sum()), DRAWS, share).pvalue > P_VALUE
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.03


def test_a_whole_batch_draws_once():
    op = parse_policy("mixup_or_cutmix(0.2, 1.0, 0.4, whole_batch=True)").ops[0]
    cuts, shares = 0, []
    for number in range(400):
        (share, partner), (rectangles, other) = op.sample(tf.constant([number, 4]), 8, SIDE)
        for drawn in (share, rectangles):
            assert len(np.unique(drawn, axis=0)) == 1
        for order in (partner, other):
            assert sorted(order.numpy()) == list(range(8))
        # An empty rectangle of CutMix leaves the share of mixup at 1, too.
        if share[0] < 1:
            assert not np.any(rectangles)
            shares.append(float(share[0]))
        else:
            cuts += 1
    assert stats.binomtest(cuts, 400, 0.4).pvalue > P_VALUE / 100  # a share rounds to 1 at times
    assert 0.2 < np.mean(np.minimum(shares, 1 - np.array(shares)) < 0.05) < 0.9


def test_trivial_augment_takes_31_magnitudes():
    assert len(np.unique(np.abs(strengths("trivial_augment", "rotate")))) == 31


def test_auto_augment_pairs_happen_as_often_as_the_policy_says():
    first = draws("auto_augment(policy=imagenet)")["operation"][:, 0]
    # of 25 sub-policies: posterize 0.4 + 0.6 + 0.8; color 0.6 + 0.8 + 0.4 + 0.6
    for name, share in (("posterize", 1.8), ("color", 2.4)):
        count = int(np.sum(first == OPERATIONS.index(name)))
        assert stats.binomtest(count, DRAWS, share / 25).pvalue > P_VALUE


def test_augmix_chains():
    drawn = draws("augmix(3, 4, 0.5)")
    depth = np.sum(drawn["rounds"]["operation"] > 0, 1)
    assert len(depth) == 4 * DRAWS
    assert stats.chisquare(np.bincount(depth, minlength=4)[1:]).pvalue > P_VALUE
    np.testing.assert_allclose(drawn["weights"].sum(1), 1, rtol=0, atol=1e-5)
    weight = drawn["weights"][:, 0].astype(np.float64)
    assert abs(weight.mean() - 0.25) < 0.01
    assert abs(weight.var() - stats.beta.var(0.5, 1.5)) < 0.005
    assert abs(drawn["share"].var() - stats.beta.var(0.5, 0.5)) < 0.005


def test_draws_are_the_same_compiled_and_not():
    """To the bit but where a function of them is computed, whose last bits differ."""
    def drawn(seed):
        seeds = draw.split(draw.fold_in(seed, 7, 8), 6)
        exact = (
            draw.fold_in(seed, 3), draw.uniform(seeds[0], [DRAWS]),
            draw.uniform(seeds[1], [DRAWS], 0.5, 1.5), draw.integers(seeds[2], [DRAWS], 13),
            draw.chance(seeds[3], DRAWS, 0.3), draw.permutation(seeds[4], DRAWS),
        )
        return exact, draw.normal(seeds[5], [DRAWS]), draw.log_gamma(seeds[0], [DRAWS], 0.2)

    plain = drawn(tf.constant([1, 2]))
    compiled = tf.function(drawn, jit_compile=True, autograph=False)(tf.constant([1, 2]))
    for one, other in zip(plain[0], compiled[0], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(plain[1], compiled[1], rtol=1e-5, atol=1e-5)
    # A proposal at the edge may be taken by one and refused by the other.
    far = np.abs(plain[2] - compiled[2]) > 1e-4 + 1e-5 * np.abs(plain[2])
    assert far.sum() <= 2


def test_uniform_is_tensorflows():
    seed = tf.constant([1, 2])
    np.testing.assert_array_equal(
        draw.uniform(seed, [DRAWS]), tf.random.stateless_uniform([DRAWS], seed, alg="philox")
    )


def test_normal():
    drawn = draw.normal(tf.constant([1, 2]), [DRAWS], 3.0).numpy()
    assert stats.kstest(drawn, stats.norm(0, 3).cdf).pvalue > P_VALUE


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1.0, 3.0, 50.0, 1000.0])
def test_gamma(alpha):
    drawn = draw.log_gamma(tf.constant([1, 2]), [DRAWS], alpha).numpy()
    ranks = stats.loggamma(alpha).cdf(drawn.astype(np.float64))
    assert stats.kstest(ranks, "uniform").pvalue > P_VALUE


@pytest.mark.parametrize("alpha", [1e8, 1e14, 1e30])
def test_gamma_of_a_large_alpha_is_alpha(alpha):
    """The logarithm's deviation, 1 / sqrt(alpha), is under a last place of float32."""
    drawn = draw.log_gamma(tf.constant([1, 2]), [DRAWS], alpha).numpy()
    np.testing.assert_allclose(drawn, np.log(alpha), rtol=1e-4)
