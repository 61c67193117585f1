"""Every op on JAX, compiled, without TensorFlow: the same images as on TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from augment_images import LABELS, photos
from augment_rows import OPS

from zoo.augment import parse_policy

ON_JAX = """
import sys
sys.modules["tensorflow"] = None  # an import would raise
import jax, keras, numpy as np
from zoo.augment import parse_policy
assert keras.backend.backend() == "jax"
given = np.load(sys.argv[1], allow_pickle=True)
results = {}
for spec, parameters in given["drawn"].item().items():
    policy = parse_policy(spec)
    images, labels = jax.jit(policy.apply)(given["images"], given["labels"], [parameters])
    results[spec + " images"], results[spec + " labels"] = images, labels
np.savez(sys.argv[2], **results)
"""


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax")
    drawn = np.array({row.spec: row.literal for row in OPS.values()}, object)
    np.savez(folder / "given.npz", images=photos(), labels=LABELS, drawn=drawn)
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, folder / "given.npz", folder / "results.npz"],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
        # Compiling takes longer than computing here: without optimisation.
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu",
             "XLA_FLAGS": "--xla_backend_optimization_level=0"},
    )
    assert done.returncode == 0, done.stderr
    return np.load(folder / "results.npz")


@pytest.mark.parametrize("name", sorted(OPS))
def test_jax_is_tensorflow(on_jax, name):
    row = OPS[name]
    parameters = tf.nest.map_structure(tf.constant, row.literal)
    images, labels = parse_policy(row.spec).apply(
        tf.constant(photos()), tf.constant(LABELS), [parameters]
    )
    tolerance = 1e-3 if row.tolerance else 0
    np.testing.assert_allclose(on_jax[row.spec + " images"], images, rtol=0, atol=tolerance)
    np.testing.assert_allclose(on_jax[row.spec + " labels"], labels, rtol=0, atol=1e-6)
