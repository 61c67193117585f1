"""Dynamic loss scaling against a plain Python model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from zoo.core.loss_scale import GROWTH_STEPS, INITIAL_SCALE, next_scale

COMPILED = {
    jit: tf.function(next_scale, jit_compile=jit, input_signature=[
        tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int64), tf.TensorSpec([], tf.bool)
    ])
    for jit in (False, True)
}


def step(scale: float, finite_steps: int, finite: bool, jit: bool = False) -> tuple[float, int]:
    scale, finite_steps = COMPILED[jit](
        tf.constant(scale, tf.float32), tf.constant(finite_steps, tf.int64), tf.constant(finite)
    )
    assert scale.dtype == tf.float32 and finite_steps.dtype == tf.int64
    return float(scale), int(finite_steps)


def model(scale: float, finite_steps: int, finite: bool) -> tuple[float, int]:
    if not finite:
        return max(scale / 2, 1.0), 0
    if finite_steps + 1 == GROWTH_STEPS:
        return scale * 2, 0
    return scale, finite_steps + 1


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("before, finite, after", [
    ((1024.0, 0), True, (1024.0, 1)),
    ((1024.0, 5), False, (512.0, 0)),
    ((1024.0, GROWTH_STEPS - 2), True, (1024.0, GROWTH_STEPS - 1)),
    ((1024.0, GROWTH_STEPS - 1), True, (2048.0, 0)),
    ((1024.0, GROWTH_STEPS - 1), False, (512.0, 0)),
    ((2.0, 0), False, (1.0, 0)),
    ((1.5, 0), False, (1.0, 0)),
    ((1.0, 3), False, (1.0, 0)),
    ((1.0, GROWTH_STEPS - 1), True, (2.0, 0)),
])
def test_one_step(before, finite, after, jit):
    assert step(*before, finite, jit) == after


def test_constants():
    """Those of the docstring's sources, and a power of two: scaling by it rounds nothing."""
    assert GROWTH_STEPS == 2000 and INITIAL_SCALE == 2.0**15
    assert math.frexp(INITIAL_SCALE)[0] == 0.5


@given(
    st.integers(0, 24).map(lambda power: 2.0**power),
    st.integers(GROWTH_STEPS - 12, GROWTH_STEPS - 1) | st.integers(0, GROWTH_STEPS - 1),
    st.lists(st.sampled_from([True, True, True, False]), max_size=30),
)
def test_sequences(scale, finite_steps, sequence):
    got = want = (scale, finite_steps)
    for finite in sequence:
        got, want = step(*got, finite), model(*want, finite)
        assert got == want


def test_two_thousand_finite_steps_in_a_row():
    function = COMPILED[False]

    @tf.function
    def run(steps):
        scale, count = tf.constant(INITIAL_SCALE), tf.constant(0, tf.int64)
        for _ in tf.range(steps):
            scale, count = function(scale, count, tf.constant(True))
        return scale, count

    for steps, scale, count in ((1999, 1, 1999), (2000, 2, 0), (2001, 2, 1), (4000, 4, 0)):
        assert [float(value) for value in run(tf.constant(steps))] == [
            INITIAL_SCALE * scale, count
        ]


def test_the_scale_never_becomes_infinite():
    """Of infinity, halving makes infinity: the run would skip every step from there on."""
    scale, _ = step(2.0**127, GROWTH_STEPS - 1, True)
    assert np.isfinite(scale)
