"""Update rules against PyTorch's and timm's optimizers (tools/goldens/optimizers.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from test_optimizer import KERAS, REFERENCES, steps

from zoo.core.optimizer import OPTIMIZERS, make_optimizer
from zoo.core.update_rules.muon import orthogonal
from zoo.core.update_rules.rule import cautious_direction
from zoo.spec import parse_call

GOLDENS = np.load(Path(__file__).parent / "goldens" / "optimizers.npz")
SPECS = sorted({key.split("/")[1] for key in GOLDENS if key.startswith("after/")})
NAMES = [key.split("/")[1] for key in GOLDENS if key.startswith("weight/")]


def test_each_optimizer_has_a_reference():
    named = {parse_call(spec).name for spec in SPECS}
    assert set(OPTIMIZERS) == set(REFERENCES) | set(KERAS) | named


@pytest.mark.parametrize("spec", SPECS)
def test_ten_steps_of_pytorch_and_timm(spec):
    """Falling rates; decay 0.1 on all but the bias. Once by XLA, too: the same formula."""
    optimizer = make_optimizer(spec, weight_decay=0.1, classifiers=lambda: ["classifier"])
    got, slots = steps(
        optimizer, GOLDENS["rates"].astype(np.float32), jit_compile=spec == "nadamw(cautious=True)",
        weights={name: GOLDENS[f"weight/{name}"] for name in NAMES},
        gradients=[
            {name: GOLDENS[f"gradient/{name}"][step] for name in NAMES} for step in range(10)
        ],
    )
    for name in NAMES:
        np.testing.assert_allclose(
            got[name], GOLDENS[f"after/{spec}/{name}"], rtol=1e-6, atol=1e-6, err_msg=name
        )
    evaluated = [key for key in GOLDENS if key.startswith(f"evaluated/{spec}/")]
    assert bool(evaluated) == (optimizer.evaluated is not None)
    for key in evaluated:
        np.testing.assert_allclose(
            optimizer.evaluated(got, slots)[key.split("/")[2]], GOLDENS[key], rtol=1e-6, atol=1e-6
        )


def test_what_is_cautious_moves_with_the_gradient_alone():
    d = cautious_direction(tf.constant([1.0, -2.0, 3.0, 0.0]), tf.constant([2.0, 2.0, -1.0, 5.0]))
    np.testing.assert_array_equal(d, [4.0, 0, 0, 0])  # one of four agrees
    np.testing.assert_array_equal(cautious_direction(tf.ones(3), -tf.ones(3)), [0, 0, 0])


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (5, 5)])
def test_orthogonal_has_the_singular_vectors_and_values_near_one(shape):
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    found = u.T @ orthogonal(tf.constant(x)).numpy() @ v.T
    assert np.all((np.diag(found) > 0.65) & (np.diag(found) < 1.25))
    np.testing.assert_allclose(found - np.diag(np.diag(found)), 0, atol=1e-5)
    assert np.all(orthogonal(tf.zeros(shape)).numpy() == 0)
