"""Policies: reading them, their order, and a seed of its own for each op."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from zoo.augment import Policy, check_policy, list_ops, parse_policy
from zoo.augment.flip import Flip
from zoo.augment.mixup import Mixup
from zoo.augment.outside import apply_layers
from zoo.augment.pad_crop import PadCrop

ROOT = Path(__file__).parents[2]
# Of those ops that have no defaults.
ARGUMENTS = {
    "pad_crop": "(2)", "rotate": "(30)", "translate": "(0.1)", "shear": "(0.3)",
    "zoom": "(0.8, 1.2)", "brightness": "(0.4)", "contrast": "(0.4)", "saturation": "(0.4)",
    "hue": "(0.1)", "hsb": "(0.4)", "jitter": "(0.4)", "lighting": "(0.1)", "grey": "(0.2)",
    "noise": "(20)", "blur": "(2.0)", "sharpness": "(0.9)", "cutout": "(4)", "mixup": "(0.2)",
}
IMAGES = np.random.default_rng(0).uniform(0, 255, (6, 8, 8, 3)).astype(np.float32)
LABELS = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1]]


def test_parse():
    policy = parse_policy("flip | pad_crop(2)|mixup(alpha=0.3)|flip(rate=0.1)")
    assert policy == Policy((Flip(), PadCrop(2), Mixup(0.3), Flip(0.1)))


def test_the_empty_policy_changes_nothing():
    policy = parse_policy("")
    assert policy == Policy(())
    images, labels = policy.apply(IMAGES, LABELS, policy.sample(tf.constant([1, 2]), 6, 8))
    assert images is IMAGES and labels is LABELS


@pytest.mark.parametrize("spec, part", [
    ("flop", "got operation 'flop'; expected some of ["),
    ("flip|Mixup(0.2)", "got operation 'Mixup'; expected some of ["),
    ("flip.sample", "got operation 'flip.sample'"),
    ("__init__", "got operation '__init__'"),
    ("flip|", "cannot read 'flip|'"),
    ("mixup(0.2", "cannot read 'mixup(0.2'"),
    ("mixup(x)", "cannot read 'mixup(x)'"),
])
@pytest.mark.parametrize("read", [check_policy, parse_policy])
def test_policies_that_cannot_be_read(read, spec, part):
    with pytest.raises(ValueError) as error:
        read(spec)
    assert part in str(error.value) and "\n" not in str(error.value)


def test_unknown_ops_are_answered_with_all_that_there_are():
    with pytest.raises(ValueError) as error:
        check_policy("flop")
    assert str(error.value).endswith(
        f"expected some of {list_ops()}, or package.module:Name"
    )


BAD_ARGUMENTS = (
    ("mixup(0)", "mixup: got alpha=0; expected a number in 1e-30..1e30"),
    ("flip|pad_crop", "operation pad_crop: missing a required argument: 'pixels'"),
    ("rotate(fill=0)", "operation rotate: missing a required argument: 'degrees'"),
    ("rotate('wide')", "operation rotate: '<' not supported"),
    ("auto_augment(svhn=1)", "operation auto_augment: got an unexpected keyword argument 'svhn'"),
    ("mixup_or_cutmix(cutmix_alpha=-1)", "mixup_or_cutmix: cutmix: got alpha=-1"),
    ("math:pi", "got operation 'math:pi', which is of type float; expected a class or a function"),
    ("fractions:Fraction(1)",
     "operation fractions:Fraction: got Fraction, which has no method sample; expected a class"),
    ("no_such:Tint", "got operation 'no_such:Tint', which cannot be imported"),
)


@pytest.mark.parametrize("spec, part", BAD_ARGUMENTS)
@pytest.mark.parametrize("read", [check_policy, parse_policy])
def test_arguments_that_cannot_be(read, spec, part):
    with pytest.raises(ValueError) as error:
        read(spec)
    assert part in str(error.value) and "\n" not in str(error.value)


def test_ops_that_want_colour_refuse_grey_images():
    colour = {"grey", "hsb", "hue", "jitter", "lighting", "saturation"}
    for name in list_ops():
        spec = name + ARGUMENTS.get(name, "")
        check_policy(spec)
        if name in colour:
            with pytest.raises(ValueError, match=f"^{name}: got channels=1; expected 3"):
                check_policy(spec, channels=1)
        else:
            check_policy(spec, channels=1)


def test_policies_are_checked_without_tensorflow(tmp_path):
    code = (
        "import sys\nfrom zoo.augment import check_policy, list_ops\n"
        f"arguments = {ARGUMENTS!r}\n"
        "for name in list_ops(): check_policy(name + arguments.get(name, ''))\n"
        "check_policy('keras.RandomInvert(factor=0.5)|keras_cv.GridMask()|mine:Same')\n"
        "try: check_policy('mixup(0)')\n"
        "except ValueError as error: print(error)\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy') if name in sys.modules])"
    )
    (tmp_path / "mine.py").write_text(
        "class Same:\n"
        "    def sample(self, seed, batch_size, image_size): return ()\n"
        "    def apply(self, images, labels, parameters): return images, labels\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
    )
    assert result.stdout == "mixup: got alpha=0; expected a number in 1e-30..1e30\n[]\n", (
        result.stderr
    )


LAYERS = "keras.RandomInvert(factor=0.5)|keras.MixUp(alpha=0.3)"


def test_layers_come_before_ops():
    check_policy(LAYERS + "|flip")
    with pytest.raises(ValueError, match="got keras.MixUp behind flip; expected layers before"):
        check_policy("keras.RandomInvert()|flip|keras.MixUp()")


@pytest.mark.parametrize("spec, part", [
    ("keras.Dropout(0.5)", "got layer 'keras.Dropout'; expected one of ['keras.AugMix'"),
    ("keras_cv.Flop()", "got layer 'keras_cv.Flop'; expected one of ['keras_cv.AugMix'"),
    ("keras.RandomInvert(p=1)", "layer keras.RandomInvert: "),
    ("keras_cv.GridMask(ratio_factor=(0, 2))", "ratio_factor"),
])
def test_layers_that_cannot_be(spec, part):
    with pytest.raises(ValueError) as error:
        parse_policy(spec)
    assert part in str(error.value) and "\n" not in str(error.value)


def test_layers_are_a_function_of_the_seed_and_change_images_and_labels():
    policy = parse_policy(LAYERS + "|flip")
    assert policy.ops == (Flip(),) and len(policy.layers) == 2
    run = tf.function(policy.apply_layers, autograph=False)
    images, labels = run(tf.cast(IMAGES, tf.uint8), LABELS, tf.constant([1, 2]))
    again, _ = run(tf.cast(IMAGES, tf.uint8), LABELS, tf.constant([1, 2]))
    other, _ = run(tf.cast(IMAGES, tf.uint8), LABELS, tf.constant([1, 3]))
    assert images.dtype == labels.dtype == tf.float32
    assert images.shape == IMAGES.shape and labels.shape == LABELS.shape
    np.testing.assert_array_equal(images, again)
    assert not np.array_equal(images, other) and not np.array_equal(images, IMAGES)
    assert not np.array_equal(labels, LABELS)
    np.testing.assert_allclose(tf.reduce_sum(labels, 1), 1, rtol=0, atol=1e-6)


def test_a_layer_of_keras_cv():
    policy = parse_policy("keras_cv.GridMask(ratio_factor=(0.5, 0.5), fill_mode=constant)")
    run = tf.function(policy.apply_layers, autograph=False)
    images, labels = run(IMAGES, LABELS, tf.constant([1, 2]))
    assert images.shape == IMAGES.shape
    kept = np.all(images == IMAGES, -1)
    assert 0 < np.mean(kept) < 1 and np.all(images.numpy()[~kept] == 0)
    np.testing.assert_array_equal(labels, LABELS)


def test_a_layer_that_changes_the_shape_is_told():
    policy = parse_policy("keras.RandomCrop(4, 4)")
    with pytest.raises(ValueError, match="expected .6, 8, 8, 3., as they went in"):
        policy.apply_layers(IMAGES, LABELS, tf.constant([1, 2]))


def test_without_layers_nothing_is_touched():
    images = tf.cast(IMAGES, tf.uint8)
    got = parse_policy("flip").apply_layers(images, LABELS, tf.constant([1, 2]))
    assert got[0] is images and got[1] is LABELS


@pytest.mark.parametrize("compiled", [False, True])
def test_a_policy_is_a_function_of_images_labels_and_seed(compiled):
    """Layers, then what was drawn from the seed, applied: the parts by hand give the same."""
    policy = parse_policy("keras.RandomInvert(factor=0.5)|pad_crop(2)|flip|mixup(0.5)")
    images, seed = tf.constant(IMAGES.astype(np.uint8)), tf.constant([7, 8])
    run = policy
    if compiled:
        apply = tf.function(policy.apply, jit_compile=True, autograph=False)
        run = tf.function(
            lambda images, labels, seed: policy.apply_ops(
                *policy.apply_layers(images, labels, seed), seed, apply
            ), autograph=False,
        )
    got_images, got_labels = run(images, tf.constant(LABELS), seed)
    # Folded by 0..2 for the ops: the layers draw from the place behind theirs.
    seen, labels = apply_layers(
        policy.layers, images, tf.constant(LABELS), tf.random.fold_in(seed, 3)
    )
    seen, labels = policy.apply(seen, labels, policy.sample(seed, 6, 8))
    assert got_images.dtype == got_labels.dtype == tf.float32
    np.testing.assert_allclose(got_images, seen, rtol=0, atol=1e-4)
    np.testing.assert_allclose(got_labels, labels, rtol=0, atol=1e-6)
    other, _ = run(images, tf.constant(LABELS), tf.constant([7, 9]))
    assert not np.array_equal(other, got_images)


def test_the_empty_policy_is_a_cast():
    images, labels = parse_policy("")(
        tf.constant(IMAGES.astype(np.uint8)), tf.constant(LABELS), tf.constant([1, 2])
    )
    assert images.dtype == tf.float32
    np.testing.assert_array_equal(images, IMAGES.astype(np.uint8))
    np.testing.assert_array_equal(labels, LABELS)


def test_each_op_draws_from_a_seed_of_its_own():
    seed = tf.constant([5, 6])
    first, second, third = parse_policy("flip|flip|flip").sample(seed, 64, 8)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third) and not np.array_equal(first, third)
    for place, drawn in enumerate((first, second, third)):
        alone = Flip().sample(tf.random.fold_in(seed, place), 64, 8)
        np.testing.assert_array_equal(drawn, alone)


def test_an_op_draws_the_same_whatever_follows_it():
    seed = tf.constant([5, 6])
    (alone,) = parse_policy("pad_crop(2)").sample(seed, 64, 8)
    followed, _, _ = parse_policy("pad_crop(2)|flip|mixup(0.2)").sample(seed, 64, 8)
    np.testing.assert_array_equal(alone, followed)


def test_ops_are_applied_in_order_eagerly_and_compiled():
    policy = parse_policy("pad_crop(2)|flip|mixup(0.5)")
    drawn = policy.sample(tf.constant([1, 2]), 6, 8)
    images, labels = IMAGES, LABELS
    for op, parameters in zip((PadCrop(2), Flip(), Mixup(0.5)), drawn, strict=True):
        images, labels = op.apply(images, labels, parameters)
    arguments = tf.constant(IMAGES), tf.constant(LABELS), drawn
    for apply in (policy.apply, tf.function(policy.apply, jit_compile=True, autograph=False)):
        got_images, got_labels = apply(*arguments)
        np.testing.assert_allclose(got_images, images, rtol=0, atol=1e-4)
        np.testing.assert_allclose(got_labels, labels, rtol=0, atol=1e-6)
    other = parse_policy("mixup(0.5)|flip|pad_crop(2)").apply(*arguments[:2], drawn[::-1])[0]
    assert np.max(np.abs(other - images)) > 1


def test_a_missing_parameter_is_no_silent_skip():
    policy = parse_policy("flip|pad_crop(2)")
    with pytest.raises(ValueError):
        policy.apply(IMAGES, LABELS, policy.sample(tf.constant([1, 2]), 6, 8)[:1])
