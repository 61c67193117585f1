"""The losses against a teacher. A new one needs a row in `in_numpy` and SPECS."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from zoo.core.distillation import DISTILLATIONS, make_distillation
from zoo.spec import parse_call

SPECS = ("kullback_leibler", "binary_kullback_leibler", "dist", "dist(inter=2, intra=0.5)")


def softmax(logits) -> np.ndarray:
    exp = np.exp(logits - logits.max(1, keepdims=True))
    return exp / exp.sum(1, keepdims=True)


def in_numpy(spec: str, teacher: np.ndarray, student: np.ndarray, temperature: float):
    """float64 [B], from the definitions."""
    teacher, student = teacher / temperature, student / temperature
    p, q = softmax(teacher), softmax(student)
    sigmoid_p, sigmoid_q = 1 / (1 + np.exp(-teacher)), 1 / (1 + np.exp(-student))

    def related(inter, intra):
        images = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(p, q, strict=True)])
        classes = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(p.T, q.T, strict=True)])
        return inter * (1 - images) + intra * (1 - classes.mean())

    value = {
        "kullback_leibler": lambda: (p * np.log(p / q)).sum(1),
        "binary_kullback_leibler": lambda: (
            sigmoid_p * np.log(sigmoid_p / sigmoid_q)
            + (1 - sigmoid_p) * np.log((1 - sigmoid_p) / (1 - sigmoid_q))
        ).mean(1),
        "dist": lambda: related(1, 1),
        "dist(inter=2, intra=0.5)": lambda: related(2, 0.5),
    }[spec]()
    return temperature**2 * value


@pytest.fixture(scope="module")
def logits():
    generator = np.random.default_rng(7)
    teacher = generator.normal(0, 3, (40, 11))
    return teacher, teacher / 2 + generator.normal(0, 1, (40, 11))


def test_each_has_a_row():
    assert {parse_call(spec).name for spec in SPECS} == set(DISTILLATIONS)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("spec", SPECS)
def test_definitions(logits, spec, temperature, jit_compile):
    loss = tf.function(make_distillation(spec), jit_compile=jit_compile)
    found = loss(*(tf.constant(each, tf.float32) for each in logits), temperature)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(
        found, in_numpy(spec, *logits, temperature), rtol=2e-5, atol=2e-5 * temperature**2
    )


@pytest.mark.parametrize("spec", SPECS)
def test_none_where_the_student_is_the_teacher(logits, spec):
    teacher = tf.constant(logits[0], tf.float32)
    loss = make_distillation(spec)
    np.testing.assert_allclose(loss(teacher, teacher, 2.0), 0, atol=3e-6)
    with tf.GradientTape() as tape:
        tape.watch(teacher)
        value = loss(tf.stop_gradient(teacher), teacher, 2.0)
    np.testing.assert_allclose(tape.gradient(value, teacher), 0, atol=3e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_sure_and_even_logits_are_finite(spec):
    """bfloat16, as mixed precision has them; even ones have no correlation."""
    student = tf.constant([[0.0, 0.0, 0.0], [300.0, -300.0, 0.0]], tf.bfloat16)
    teacher = tf.constant([[90.0, 0.0, -90.0], [-300.0, 300.0, 0.0]], tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(student)
        value = make_distillation(spec)(teacher, student, 1.0)
    assert np.all(np.isfinite(value)) and np.all(np.isfinite(tape.gradient(value, student)))


@pytest.mark.parametrize("spec, part", [
    ("hinton", "'hinton'; expected one of"), ("dist(-1)", "got inter=-1; expected 0 or more"),
    ("dist(intra=a)", "got intra='a'"), ("kullback_leibler(2)", "kullback_leibler"),
    ("math:gcd(4, 6)", "got int; expected a function"),
])
def test_those_that_cannot_be(spec, part):
    with pytest.raises(ValueError) as error:
        make_distillation(spec)
    assert part in str(error.value) and "\n" not in str(error.value)
