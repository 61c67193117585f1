"""The name maps against the tensor names and shapes of every public model that the zoo has.

public_models.json.gz: "LIBRARY:MODEL" -> its trainable parameters, the side of its input, and the
shape of each tensor by its name there, as timm 1.0.31, torchvision 0.28 and gluoncv 0.11 build it.
" as published" marks the names in the published file where the library renames them on loading:
torchvision's DenseNets, and GluonCV's files from before MXNet 1.2, named by kind and number; the
tensors are in the same order.
"""

from __future__ import annotations

import gc
import gzip
import json
import pathlib

import numpy as np
import pytest
from test_parity import FIXTURES, without_place

import zoo.models
from zoo.weights import convert, names

PUBLIC = json.loads(gzip.open(pathlib.Path(__file__).parent / "public_models.json.gz").read())
# Tensors of the largest network that is built here. A deeper one takes up to ten seconds, and
# repeats the blocks of a shallower: of it the names are looked at.
MOST_TENSORS = 300


def source_of(entry: str) -> tuple[str, names.Source]:
    return names.find(*entry.partition(" ")[0].split(":"))


def tensors_of(entry: str) -> dict[str, np.ndarray]:
    """All zeros, which need no memory."""
    shapes = PUBLIC[entry]["tensors"]
    return {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}


def entries_to_build() -> dict[str, list[str]]:
    """Zoo model -> the entries that are that model; without those of a parity fixture."""
    found: dict[str, list[str]] = {}
    for entry, public in PUBLIC.items():
        fixture = FIXTURES / f"{entry.replace(':', '-')}.npz"
        if len(public["tensors"]) <= MOST_TENSORS and not fixture.exists():
            found.setdefault(source_of(entry)[0], []).append(entry)
    return found


BUILT = entries_to_build()


@pytest.mark.parametrize("library", ["timm", "torchvision", "gluoncv"])
def test_no_library_is_said_to_have_what_it_lacks(library):
    known = [names.sources(name) for name in zoo.models.list_models()]
    claimed = {f"{library}:{found[library].model}" for found in known if library in found}
    assert claimed - set(PUBLIC) == set()


def test_keras_alone_has_kernels_laid_out_as_here():
    known = [names.sources(name) for name in zoo.models.list_models()]
    laid_out = {(library, x.keras_layout) for found in known for library, x in found.items()}
    assert laid_out == {(library, library == "keras") for library in names.LIBRARIES}


@pytest.mark.parametrize("entry", PUBLIC)
def test_every_module_is_one_layer(entry):
    _, source = source_of(entry)
    tensors = tensors_of(entry)
    layers = convert.layers_of(tensors, source)
    assert set(layers) == set(convert._modules(tensors))
    used = [layer for layer in layers.values() if layer != names.UNUSED]
    assert len(used) == len(set(used))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "model.backbone.net."])
def test_what_a_model_was_in_is_taken_off(prefix):
    for entry in PUBLIC:
        tensors, (_, source) = tensors_of(entry), source_of(entry)
        if not all("." in name for name in tensors):
            continue
        wrapped = {f"{prefix}{name}": value for name, value in tensors.items()}
        wrapped["n_averaged"] = np.float32(0)
        expected = list(convert.layers_of(tensors, source).values())
        for some in (tensors, wrapped):
            found = convert.layers_of(convert.unwrapped(some, source), source)
            assert list(found.values()) == expected, entry


@pytest.mark.parametrize("entry", [entry for entry in PUBLIC if entry.endswith(" as published")])
def test_published_names_are_the_layers_of_todays(entry):
    assert places(entry) == places(entry.removesuffix(" as published"))


def places(entry: str) -> list[tuple[str, str]]:
    """The layer, and the part of it, that each tensor is."""
    tensors = tensors_of(entry)
    layers = convert.layers_of(tensors, source_of(entry)[1])
    found = {
        name: (layers[module], part)
        for module, parts in convert._modules(tensors).items() for part, name in parts.items()
    }
    return [found[name] for name in tensors]


@pytest.mark.parametrize("name", BUILT)
def test_every_tensor_fits(name, monkeypatch):
    monkeypatch.setattr(zoo.models.blocks, "KERNEL_INITIALIZER", "zeros")
    size = PUBLIC[BUILT[name][0]]["size"]
    model = zoo.models.create_model(name, input_shape=(size, size, 3))
    shapes = {weight.path: weight.shape for weight in model.weights if weight.dtype == "float32"}
    for entry in BUILT[name]:
        values = convert.convert(model, tensors_of(entry), source_of(entry)[1])
        assert {path: value.shape for path, value in values.items()} == shapes, entry
        if not entry.endswith(" as published"):
            lost = without_place(entry.partition(" ")[0], PUBLIC[entry]["tensors"], model)
            there = PUBLIC[entry]["params"] - lost
            assert zoo.models.count_trainable(model) == there, entry
    del model
    gc.collect()
