"""Every op: against NumPy, SciPy and PIL, eager and compiled, its randomness, its errors.

A new op needs a row in augment_rows.OPS, nothing else.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import tensorflow as tf
from augment_images import BATCH, LABELS, digits, photos
from augment_rows import OPS
from scipy import stats

from zoo.augment import check_policy, list_ops, parse_policy


def test_each_op_has_a_row():
    assert list_ops() == sorted(OPS)


def make(spec: str):
    (op,) = parse_policy(spec).ops
    return op


IMAGES = {"digits": digits(), "photos": photos()}


CASES = [
    (name, kind) for name in sorted(OPS) for kind in sorted(IMAGES)
    if kind == "photos" or not OPS[name].rgb
]


@pytest.fixture(params=sorted(OPS))
def row(request):
    return OPS[request.param]


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    name, kind = request.param
    return OPS[name], IMAGES[kind]


def on_device(parameters):
    return tf.nest.map_structure(tf.constant, parameters)


def differ(one, other) -> bool:
    return any(
        not np.array_equal(a, b)
        for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True)
    )


def test_the_images_are_eight_different_ones():
    for batch in IMAGES.values():
        assert len({image.tobytes() for image in batch}) == BATCH == len(batch)
        # no image its own mirror image, or a flip would not show
        assert all(not np.array_equal(image, image[:, ::-1]) for image in batch)


def test_apply_is_the_reference(case):
    row, images = case
    got_images, got_labels = make(row.spec).apply(
        tf.constant(images), tf.constant(LABELS), on_device(row.literal)
    )
    want_images, want_labels = row.reference(images, LABELS, row.literal)
    assert got_images.dtype == got_labels.dtype == tf.float32
    assert got_images.shape == images.shape and got_labels.shape == LABELS.shape
    np.testing.assert_allclose(got_images, want_images, rtol=0, atol=row.tolerance)
    np.testing.assert_allclose(got_labels, want_labels, rtol=0, atol=row.tolerance / 255)
    assert not np.array_equal(got_images, images)


def test_neutral_parameters_change_no_bit(case):
    row, images = case
    images = images * np.float32(0.97)  # fractions of levels too
    got_images, got_labels = make(row.spec).apply(
        tf.constant(images), tf.constant(LABELS), on_device(row.neutral)
    )
    np.testing.assert_array_equal(got_images, images)
    np.testing.assert_array_equal(got_labels, LABELS)


def test_eager_graph_and_compiled_are_the_same(row):
    """And compiled once only: were a parameter a constant to XLA, each step would take seconds."""
    op, images = make(row.spec), IMAGES["photos"]
    arguments = tf.constant(images), tf.constant(LABELS)
    eager = op.apply(*arguments, on_device(row.literal))
    graph = tf.function(op.apply, autograph=False)
    compiled = tf.function(graph, jit_compile=True, autograph=False)  # traced once for both
    seconds = []
    for run, parameters in (
        (compiled, row.literal), (compiled, row.neutral), (compiled, row.literal),
        (graph, row.literal),
    ):
        started = time.process_time()
        result = run(*arguments, on_device(parameters))
        seconds.append(time.process_time() - started)
        if parameters is row.literal:
            for one, other in zip(eager, result, strict=True):
                atol = 1e-3 if row.tolerance else 0
                np.testing.assert_allclose(one, other, rtol=0, atol=atol)
    assert seconds[1] < seconds[0] / 3, seconds


def test_each_image_follows_its_own_parameters(case):
    """What happens to image 2 depends on its parameters, not on those of the others."""
    row, images = case
    op = make(row.spec)
    literal, neutral = tf.nest.flatten(row.literal), tf.nest.flatten(row.neutral)
    mixed = []
    for one, other in zip(literal, neutral, strict=True):
        part = one.copy()
        part[2] = other[2]
        mixed.append(part)
    mixed = tf.nest.pack_sequence_as(row.literal, mixed)
    before, _ = op.apply(tf.constant(images), tf.constant(LABELS), on_device(row.literal))
    after, _ = op.apply(tf.constant(images), tf.constant(LABELS), on_device(mixed))
    others = np.arange(BATCH) != 2
    np.testing.assert_array_equal(before.numpy()[others], after.numpy()[others])
    np.testing.assert_array_equal(after[2], images[2])


def test_samples_are_a_function_of_the_seed(row):
    op = make(row.spec)
    drawn = op.sample(tf.constant([1, 2]), 64, 28)
    assert not differ(drawn, op.sample(tf.constant([1, 2]), 64, 28))
    in_graph = tf.function(op.sample, autograph=False)(tf.constant([1, 2]), 64, 28)
    for one, other in zip(tf.nest.flatten(drawn), tf.nest.flatten(in_graph), strict=True):
        # Equal but for the last bits of a float, and of a map that was made of one.
        exact = not one.dtype.is_floating and one.shape[-1] != 6
        rtol, atol = (0, 0) if exact else (1e-6, 1e-6 if one.dtype.is_floating else 1)
        np.testing.assert_allclose(np.float64(one), np.float64(other), rtol=rtol, atol=atol)
    for other in ([1, 3], [2, 2], [2, 1]):
        assert differ(drawn, op.sample(tf.constant(other), 64, 28))


def test_samples_fit_what_apply_takes(row):
    drawn = make(row.spec).sample(tf.constant([1, 2]), BATCH, 28)
    tf.nest.assert_same_structure(drawn, row.literal)
    for part, literal in zip(tf.nest.flatten(drawn), tf.nest.flatten(row.literal), strict=True):
        assert part.dtype.as_numpy_dtype == literal.dtype and part.shape == literal.shape
    for part in tf.nest.flatten(make(row.spec).sample(tf.constant([1, 2]), 64, 28)):
        assert len(np.unique(part.numpy(), axis=0)) > 1  # not one draw for the whole batch


def test_labels_stay_distributions_and_images_in_range(case):
    row, images = case
    policy = parse_policy(row.spec)
    for seed in range(3):
        drawn = policy.sample(tf.constant([seed, 0]), BATCH, images.shape[1])
        got, labels = policy.apply(tf.constant(images), tf.constant(LABELS), drawn)
        np.testing.assert_allclose(tf.reduce_sum(labels, 1), 1, rtol=0, atol=1e-6)
        assert np.all(np.isfinite(got)) and np.min(got) >= 0 and np.max(got) <= 255 + 1e-4


def test_ops_of_colour_refuse_other_images_before_they_are_made_and_in_apply(row):
    """Both must know the same ops."""
    arguments = tf.constant(IMAGES["digits"]), tf.constant(LABELS), on_device(row.literal)
    check_policy(f"flip|{row.spec}", channels=3)
    if not row.rgb:
        check_policy(f"flip|{row.spec}", channels=1)
        return
    for refuse in (
        lambda: check_policy(f"flip|{row.spec}", channels=1),
        lambda: make(row.spec).apply(*arguments),
    ):
        with pytest.raises(ValueError) as error:
            refuse()
        name = row.spec.split("(")[0]
        assert str(error.value) == (
            f"{name}: got channels=1; expected 3: it mixes red, green and blue"
        )


@pytest.mark.parametrize("spec", [spec for row in OPS.values() for spec in row.bad])
def test_bad_arguments(spec):
    with pytest.raises(ValueError) as error:
        parse_policy(spec)
    message = str(error.value)
    assert spec.split("(")[0] in message and "expected" in message and "\n" not in message


DRAWS = 20_000
P_VALUE = 1e-4  # seeds are fixed: a good generator passes at all of them or is looked at


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75, 1.0])
def test_flip_rate(rate):
    mirrored = make(f"flip({rate})").sample(tf.constant([3, 4]), DRAWS, 28).numpy()
    assert stats.binomtest(int(mirrored.sum()), DRAWS, rate).pvalue > P_VALUE


@pytest.mark.parametrize("pixels", [1, 2, 4])
def test_pad_crop_corners(pixels):
    corners = make(f"pad_crop({pixels})").sample(tf.constant([3, 4]), DRAWS, 28).numpy()
    places = 2 * pixels + 1
    assert corners.min() == 0 and corners.max() == 2 * pixels
    counts = np.bincount(corners[:, 0] * places + corners[:, 1], minlength=places**2)
    assert len(counts) == places**2 and stats.chisquare(counts).pvalue > P_VALUE


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.2, 1.0, 5.0])
def test_mixup_share(alpha):
    share, _ = make(f"mixup({alpha})").sample(tf.constant([3, 4]), DRAWS, 28)
    share = share.numpy().astype(np.float64)
    assert share.min() >= 0 and share.max() <= 1
    # float32 has no numbers between 1 and 1 - 6e-8, where a small alpha puts most of its mass:
    # compared is where the share is told apart from both ends.
    ends = 1e-6
    for low, high in ((0, ends), (ends, 1 - ends), (1 - ends, 1)):
        part = stats.beta.cdf(high, alpha, alpha) - stats.beta.cdf(low, alpha, alpha)
        inside = int(np.sum((share > low) & (share <= high))) + (
            int(np.sum(share == 0)) if low == 0 else 0)
        assert stats.binomtest(inside, DRAWS, part).pvalue > P_VALUE, (low, high)
    middle = share[(share > ends) & (share < 1 - ends)]
    low, high = stats.beta.cdf([ends, 1 - ends], alpha, alpha)
    uniform = (stats.beta.cdf(middle, alpha, alpha) - low) / (high - low)
    assert stats.kstest(uniform, "uniform").pvalue > P_VALUE


@pytest.mark.parametrize("alpha", [1e-30, 1e-6, 1e6, 1e30])
def test_mixup_share_of_extreme_alphas(alpha):
    share, _ = make(f"mixup({alpha!r})").sample(tf.constant([3, 4]), 1000, 28)
    assert np.all(np.isfinite(share)) and np.min(share) >= 0 and np.max(share) <= 1
    if alpha < 1:  # all or nothing
        assert np.mean((share < 1e-3) | (share > 1 - 1e-3)) > 0.99
    else:
        np.testing.assert_allclose(share, 0.5, atol=0.01)


def test_mixup_partners_are_a_permutation():
    pairs = []
    for seed in range(200):
        _, partner = make("mixup(0.2)").sample(tf.constant([seed, 0]), BATCH, 28)
        assert sorted(partner.numpy()) == list(range(BATCH))
        pairs += [BATCH * place + other for place, other in enumerate(partner.numpy())]
    counts = np.bincount(pairs, minlength=BATCH**2)
    assert np.all(np.abs(counts - 200 / BATCH) < 5 * np.sqrt(200 / BATCH))
