"""RandAugment's operations on a photo and on noise: PIL's results to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from augment_images import BATCH, photos
from augment_references import IDENTITY, MAPS, in_turn
from augment_rows import drawn as parameters_of

from zoo.augment.pixels.choice import GEOMETRIC, OPERATIONS, apply_rounds

SIDE = 97
RANDOM = np.random.default_rng(0).integers(0, 256, (BATCH, SIDE, SIDE, 3)).astype(np.float32)
# One level only, two levels, a black border: where statistics have their corners.
FLAT = np.full_like(RANDOM, 77)
FLAT[1:, :, :40] = np.arange(1, BATCH).reshape(-1, 1, 1, 1) * 30
IMAGES = {"photo": photos(SIDE), "random": RANDOM, "dark": np.floor(RANDOM / 7) + 3, "flat": FLAT}
STRENGTHS = {
    "solarize": (0, 1, 26, 128, 200, 255, 256, 77),
    "posterize": (1, 2, 3, 4, 5, 6, 7, 8),
    **dict.fromkeys(("color", "contrast", "brightness", "sharpness"),
                    tuple(np.round(np.array([0.01, 0.1, 0.19, 0.5, 1.0, 1.3, 1.81, 1.99]) * 4096)
                          / 4096)),
}


@pytest.fixture(scope="module", params=sorted(IMAGES))
def results(request):
    """Eight images after each operation, and by PIL: worked out in one batch of 120."""
    rows = []
    for name in OPERATIONS:
        strengths = STRENGTHS.get(name, (0,) * BATCH)
        maps = MAPS if name in GEOMETRIC else IDENTITY.repeat(BATCH, 0)
        rows += [[(name, *one)] for one in zip(strengths, maps, strict=True)]
    parameters = parameters_of(rows)
    images = np.tile(IMAGES[request.param], (len(OPERATIONS), 1, 1, 1))
    got = apply_rounds(tf.constant(images), tf.nest.map_structure(tf.constant, parameters))
    want, _ = in_turn(images, None, parameters)
    return np.split(got.numpy(), len(OPERATIONS)), np.split(want, len(OPERATIONS))


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_is_pils(results, name):
    got, want = (part[OPERATIONS.index(name)] for part in results)
    # PIL's autocontrast truncates what its division has made a hair too small.
    tolerance = 1 if name == "autocontrast" else 0
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance)
