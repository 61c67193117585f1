"""The catalogue: every row is a model of the zoo's, and what it says of a file holds together."""

from __future__ import annotations

import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import zoo.models
from zoo.weights import catalogue, download
from zoo.weights.origin import models_of
from zoo.weights.preprocessing import preprocess_input

ENTRIES = catalogue.entries()
# Of the libraries' tags: trained on other pictures than ImageNet-1k's too.
MORE_DATA = re.compile("yfcc|ig1b|in21k")
# Beginnings of names -> the module whose preprocess_input is theirs.
APPLICATIONS = {
    "vgg16": keras.applications.vgg16,
    "vgg19": keras.applications.vgg19,
    "resnet": keras.applications.resnet,
    "densenet": keras.applications.densenet,
}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_row(entry):
    assert models_of(entry) and set(models_of(entry)) <= set(zoo.models.list_models())
    known = download.parse_hash(entry.hash)
    for url in entry.urls:
        assert re.fullmatch(r"(https://|package:\w+/)[\w./-]+", url)
    # The libraries put the first digits of the hash into the files' names.
    if known and known.algorithm != "md5":
        assert known.digits[:8] in entry.urls[0]
    if entry.urls[0].startswith("package:"):
        assert known and known.algorithm == "sha256" and len(known.digits) == 64
    assert entry.licence and entry.dataset in ("imagenet", "mnist")
    assert set(entry.default_of) <= set(models_of(entry))
    for top_1, top_5 in [(entry.top_1, entry.top_5), (entry.test_top_1, entry.test_top_5)]:
        assert top_1 is None or 0 < top_1 < (top_5 or 100) <= 100
    if entry.test_preprocessing:
        assert entry.test_preprocessing.image_size > entry.preprocessing.image_size
        assert entry.test_top_1 > entry.top_1
    else:
        assert entry.test_top_1 is None


def test_names_are_one_a_row():
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES) >= 170


def rank(entry: catalogue.Entry) -> tuple:
    """The rule in the file's header: the first is the default."""
    order = ("timm", "torchvision"), ("keras",), ("gluoncv",)
    return (
        MORE_DATA.search(entry.tag) is not None or "nc" in entry.licence,
        not entry.hash,
        not entry.urls[0].startswith("package:"),
        [i for i, libraries in enumerate(order) if entry.library in libraries],
        -(entry.top_1 or 0),
    )


def test_every_model_with_weights_has_the_default_of_the_rule():
    found: dict[tuple[str, str], list[catalogue.Entry]] = {}
    for entry in ENTRIES:
        for model in models_of(entry):
            found.setdefault((model, entry.dataset), []).append(entry)
    for (model, dataset), rows in found.items():
        best = min(rows, key=rank)
        assert [row.name for row in rows if model in row.default_of] == [best.name], model
        assert catalogue.default_for(model, dataset) == best


def test_published_figures():
    """From the libraries' own tables."""
    entry = catalogue.find("timm:resnet50d.ra2_in1k")
    assert (entry.top_1, entry.top_5, entry.test_top_1, entry.test_top_5) == (
        80.546, 95.160, 81.354, 95.742
    )
    assert (entry.preprocessing.image_size, entry.test_preprocessing.image_size) == (224, 288)
    assert entry.preprocessing.resizing == "bicubic"
    assert entry.preprocessing.mean == (123.675, 116.28, 103.53)
    assert entry.preprocessing.std == (58.395, 57.12, 57.375)
    assert catalogue.find("torchvision:mobilenet_v3_large.IMAGENET1K_V2").top_1 == 75.274
    assert catalogue.find("gluoncv:resnet50_v1d").top_1 == 79.15
    assert catalogue.find("gluoncv:resnet50_v1d.00319ddc").top_1 == 78.48
    assert catalogue.find("keras:resnet50").top_1 == 74.9
    for model, side in (("resnet152d", 256), ("resnet101d", 256), ("resnet50d", 224)):
        assert catalogue.default_for(model).preprocessing.image_size == side
    lite = catalogue.find("efficientnet_lite_pytorch:efficientnet-lite0")
    assert (lite.preprocessing.mean, lite.preprocessing.std) == ((127.0,) * 3, (128.0,) * 3)


@pytest.mark.parametrize("pattern, resized", [
    ("torchvision:resnet*.IMAGENET1K_V1", 256),
    ("torchvision:*.IMAGENET1K_V2", 232),
    ("torchvision:inception_v3*", 342),
    ("gluoncv:inceptionv3*", 342),
    ("gluoncv:resnet*", 256),
    ("timm:resnet*.tv_in1k", 256),
    ("timm:resnet50.a1_in1k", 235),
])
def test_resizing_is_the_librarys(pattern, resized):
    found = catalogue.entries(pattern)
    assert found and {entry.preprocessing.eval_resize for entry in found} == {resized}


def test_the_networks_that_transform_their_input():
    for name in ("torchvision:googlenet", "torchvision:inception_v3", "timm:inception_v3.tf_in1k"):
        images = catalogue.find(name).preprocessing
        assert images.mean == images.std == (127.5,) * 3
    assert catalogue.find("timm:inception_v3.gluon_in1k").preprocessing.mean[0] == 123.675


@pytest.mark.parametrize("entry", catalogue.entries("keras:*"), ids=lambda entry: entry.name)
def test_keras_preprocesses_so(entry):
    levels = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3)).astype("uint8")
    [module] = [APPLICATIONS[x] for x in APPLICATIONS if entry.model_there.startswith(x)]
    expected = module.preprocess_input(levels.astype("float32"))
    found = preprocess_input(levels, entry.preprocessing, resize=False)
    np.testing.assert_allclose(found[..., ::-1] if entry.bgr else found, expected, atol=1e-4)


def test_only_keras_has_blue_first():
    assert {entry.library for entry in ENTRIES if entry.bgr} == {"keras"}


def test_without_a_tag_it_is_the_librarys_own_choice():
    assert catalogue.find("timm:resnet50d").tag == "ra2_in1k"
    assert catalogue.find("timm:mobilenetv3_large_100").tag == "ra_in1k"
    assert catalogue.find("torchvision:resnet50").tag == "IMAGENET1K_V2"
    assert catalogue.find("gluoncv:mobilenet1.0").tag == ""


@pytest.mark.parametrize("name, similar", [
    ("timm:resnet50d.ra3_in1k", "'timm:resnet50d.ra2_in1k'"),
    ("timm:resnet50dd", "'timm:resnet50d."),
    ("torchvision:ResNet50", "'torchvision:resnet50."),
    ("resnet50", "See zoo.weights.catalogue.entries"),
])
def test_an_unknown_name(name, similar):
    with pytest.raises(ValueError, match=f"unknown weights {name!r}.*{re.escape(similar)}"):
        catalogue.find(name)


@pytest.mark.parametrize("model, dataset, there_is", [
    ("resnet50", "mnist", r"expected one of \['imagenet'\]"),
    ("zfnet", "imagenet", "there are no weights of it"),
])
def test_a_model_without_weights(model, dataset, there_is):
    with pytest.raises(ValueError, match=f"model {model!r}: got weights={dataset!r}; {there_is}"):
        catalogue.default_for(model, dataset)


def test_a_pattern_chooses():
    found = catalogue.entries("timm:resnet50d.*")
    assert [entry.tag for entry in found][:2] == ["ra2_in1k", "ra4_e3600_r224_in1k"]
    assert catalogue.entries("nobody:*") == []


def test_it_needs_neither_tensorflow_nor_keras():
    code = (
        "import sys; from zoo.weights import catalogue, class_names, download, preprocessing\n"
        "catalogue.default_for('resnet50d')\n"
        "print(*(name for name in ('tensorflow', 'keras', 'torch') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
