"""The builders and name maps against the logits of public implementations.

fixtures/README.md says what a fixture holds and how its weights follow from names and shapes.
"""

from __future__ import annotations

import gc
import json
import math
import pathlib
import zlib

import keras
import numpy as np
import pytest

import zoo.models
import zoo.weights
from zoo.natural_order import natural_key
from zoo.weights import names

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
TOLERANCE = 2e-5


def synthetic(name: str, shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))
    if name.endswith("running_var"):
        value = 0.5 + rng.random(shape)
    elif name.endswith("running_mean"):
        value = 0.1 * rng.standard_normal(shape)
    elif len(shape) >= 2:
        value = rng.standard_normal(shape) * math.sqrt(2 / math.prod(shape[1:]))
    elif name.endswith(("weight", "gamma")):
        value = 0.6 + 0.1 * rng.standard_normal(shape)
    else:
        value = 0.1 * rng.standard_normal(shape)
    return value.astype("float32")


def shapes_of(data) -> dict[str, tuple[int, ...]]:
    names = [str(name) for name in data["names"]]
    return dict(zip(names, (tuple(json.loads(str(s))) for s in data["shapes"]), strict=True))


@pytest.mark.parametrize("fixture", sorted(path.stem for path in FIXTURES.glob("*.npz")))
def test_logits_are_those_of_the_public_implementation(fixture, monkeypatch):
    # New weights would be thrown away: no random numbers for them.
    monkeypatch.setattr(zoo.models.blocks, "KERNEL_INITIALIZER", "zeros")
    data = np.load(FIXTURES / f"{fixture}.npz")
    shapes = shapes_of(data)
    size = int(data["input_size"])
    library, _, name = fixture.partition("-")
    model = zoo.weights.load_pretrained(
        f"{library}:{name}",
        {name: synthetic(name, shape) for name, shape in shapes.items()},
        input_shape=(size, size, 3),
    )
    rng = np.random.Generator(np.random.Philox(key=20181204))
    images = rng.standard_normal((2, size, size, 3)).astype("float32")
    logits = keras.ops.convert_to_numpy(model(images, training=False))
    difference = np.abs(logits - data["logits"]).max() / np.abs(data["logits"]).max()
    print(f"{fixture}: max|difference| / max|logit| = {difference:.1e}")
    assert difference <= TOLERANCE
    absent = without_place(f"{library}:{name}", shapes, model)
    assert zoo.models.count_trainable(model) == int(data["params"]) - absent
    if int(data["macs"]) >= 0:
        assert zoo.models.count_macs(model) == int(data["macs"])
    del model
    gc.collect()


def without_place(name: str, shapes: dict[str, tuple[int, ...]], model: keras.Model) -> int:
    """How many trainable values are there and not here: auxiliary heads not asked for, biases
    folded away; less the biases here that are zeros since the library has none."""
    modules = {key.rpartition(".")[0] for key in shapes}
    kinds = {m: {4: "conv", 2: "dense"}.get(len(shapes.get(f"{m}.weight", ())), "bn")
             for m in sorted(modules, key=natural_key)}
    _, source = names.find(*name.split(":"))
    layers = source.layers(kinds)
    here = {layer.name: layer for layer in model.layers}
    count = 0
    for key, shape in shapes.items():
        module, _, leaf = key.rpartition(".")
        layer = here.get(layers[module])
        folded = leaf == "bias" and kinds[module] == "conv" and layer and not layer.use_bias
        if not leaf.startswith("running") and (layer is None or folded):
            count += math.prod(shape)
    for module, name in layers.items():
        if getattr(here.get(name), "use_bias", False) and f"{module}.bias" not in shapes:
            count -= here[name].bias.shape[0]
    return count
