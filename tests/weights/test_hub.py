"""Models in repositories of a Hub on this machine: fetched, pinned, put there."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
import safetensors.numpy
from hub_server import Hub
from test_create import as_timm, randomised

import zoo
from zoo.cache_folder import cache_folder
from zoo.weights import hub, timm_config
from zoo.weights.class_names import IMAGENET

CONFIG = {
    "architecture": "resnet18", "num_classes": 5, "num_features": 512,
    "pretrained_cfg": {
        "tag": "a1_in1k", "input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.95,
        "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
        "license": "apache-2.0", "num_classes": 1000, "first_conv": "conv1", "classifier": "fc",
    },
}
IMAGES = np.random.default_rng(2).normal(size=(2, 32, 32, 3)).astype("float32")


@pytest.fixture
def server(tmp_path, monkeypatch):
    with Hub() as found:
        monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def theirs():
    """The zoo's name for timm's resnet18, a model of 5 classes, and timm's file of it."""
    card = timm_config.card_of(CONFIG)
    model = randomised(zoo.create_model(card.model, num_classes=5, input_shape=(32, 32, 3)))
    return model, safetensors.numpy.save(as_timm(model))


def pin_of(server):
    [pin] = (cache_folder() / "hub").glob("*.json")
    return pin


def test_a_repository_of_timm(server, theirs):
    model, content = theirs
    commit = server.commit("a/net", model_safetensors=content,
                           config_json=json.dumps(CONFIG).encode())
    found = zoo.create_model(weights="hf:a/net")
    np.testing.assert_allclose(found(IMAGES), model(IMAGES), rtol=1e-5, atol=1e-5)
    assert found.output_shape == (None, 5) and found.card.licence == "apache-2.0"
    images = zoo.weights.preprocessing_of("hf:a/net")
    assert (images.image_size, images.eval_resize, images.resizing) == (32, 33, "bicubic")
    assert images.mean == pytest.approx((123.675, 116.28, 103.53))
    assert json.loads(pin_of(server).read_text())["commit"] == commit
    with pytest.raises(ValueError, match="for 'resnet50'; they are of 'resnet18"):
        zoo.create_model("resnet50", weights="hf:a/net")


def test_a_model_goes_there_and_comes_back(server, monkeypatch):
    model = zoo.create_model("lenet5", weights="mnist")
    address = zoo.push_to_hub(model, "me/digits")
    files = server.repos["me/digits"][server.heads["me/digits", "main"]]
    assert set(files) == {"model.safetensors", "README.md"}
    assert address == f"{server.url}/me/digits/commit/{server.heads['me/digits', 'main']}"
    text = files["README.md"].decode()
    assert text.startswith('---\nlibrary_name: "keras-reference-zoo"\n')
    assert '\nlicense: "apache-2.0"\n---\n' in text and "| Model | lenet5, 10 classes" in text
    again = zoo.create_model(weights="hf:me/digits")
    digits = np.random.default_rng(0).normal(size=(2, 28, 28, 1)).astype("float32")
    np.testing.assert_array_equal(again(digits), model(digits))
    assert again.class_names == model.class_names and again.preprocessing == model.preprocessing
    # From the cache, without a word to the server.
    count = len(server.seen)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    assert zoo.load_model("hf:me/digits").card == again.card
    assert zoo.weights.model_of("hf:me/digits") == "lenet5" and len(server.seen) == count
    with pytest.raises(OSError, match="^ZOO_OFFLINE=1, and hf:me/other is not in "):
        zoo.load_model("hf:me/other")
    with pytest.raises(OSError, match="^ZOO_OFFLINE=1: nothing is put into me/digits"):
        zoo.push_to_hub(model, "me/digits")
    assert len(server.seen) == count


def test_what_came_first_is_pinned(server, tmp_path):
    def content(name):
        path = tmp_path / "own.safetensors"
        zoo.save_pretrained(zoo.create_model(name, weights="mnist"), path)
        return path.read_bytes()

    first = server.commit("me/net", model_safetensors=content("lenet5"))
    server.commit("me/net", "v2", model_safetensors=content("lenet"))
    assert zoo.weights.model_of("hf:me/net") == "lenet5"
    server.heads["me/net", "main"] = server.heads["me/net", "v2"]
    assert zoo.weights.model_of("hf:me/net") == "lenet5"  # the branch has moved, the pin has not
    assert zoo.weights.model_of("hf:me/net@v2") == "lenet"
    assert zoo.weights.model_of(f"hf:me/net@{first}") == "lenet5"
    weights = hub.fetch("hf:me/net")
    target = weights.resolve()
    target.write_bytes(target.read_bytes()[:-1] + b"\0")
    with pytest.raises(ValueError, match="^got sha256 .*expected .*delete that folder to download"):
        hub.fetch("hf:me/net")
    (cache_folder() / "hub/me--net@main.json").unlink()
    assert zoo.weights.model_of("hf:me/net") == "lenet"


@pytest.mark.parametrize("text, files, part", [
    ("hf:a/none", {}, "hf:a/none: no such repository, or a private one that"),
    ("hf:a/net@v9", {"model_safetensors": b"x"}, "hf:a/net@v9: no such revision"),
    ("hf:a/net", {"config_json": b"{}"}, "hf:a/net: it has no model.safetensors, or no conf"),
])
def test_what_cannot_be_had(server, text, files, part):
    if files:
        server.commit("a/net", **files)
    with pytest.raises(OSError, match=f"^{part}") as told:
        hub.fetch(text)
    assert "\n" not in str(told.value)
    assert list((cache_folder() / "hub").glob("*.json")) == []


@pytest.mark.parametrize("text", ["hf:", "hf:net", "hf:a/b/c", "hf:a/../b", "hf:a/b@", "hf:a b/c"])
def test_texts_that_name_no_repository(text):
    with pytest.raises(ValueError, match="expected hf:OWNER/REPO or hf:OWNER/REPO@REVISION"):
        zoo.create_model(weights=text)


@pytest.mark.parametrize("change, part", [
    ({"architecture": "resnext101"}, "the zoo has no model of timm called 'resnext101'"),
    ({"model_args": {"width": 2}}, "got model_args="),
    ({"pretrained_cfg": {**CONFIG["pretrained_cfg"], "input_size": [3, 32, 48]}}, "got input_size"),
    ({"pretrained_cfg": {**CONFIG["pretrained_cfg"], "crop_mode": "squash"}}, "got crop_mode="),
    ({"pretrained_cfg": {}}, "cannot be read as timm's: KeyError 'input_size'"),
    ({"num_classes": "5"}, "num_classes"),
])
def test_configs_that_the_zoo_cannot_follow(tmp_path, change, part):
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **change}))
    with pytest.raises(ValueError) as told:
        timm_config.read_card(tmp_path / "model.safetensors")
    assert str(told.value).startswith(f"{tmp_path}/config.json") and part in str(told.value)


def test_names_of_classes():
    def names(**changes):
        images = {**CONFIG["pretrained_cfg"], **changes}
        return timm_config.card_of({**CONFIG, "num_classes": 1000, "pretrained_cfg": images}
                                   ).class_names

    assert names() == tuple(name for _, name in IMAGENET)
    assert names(tag="in21k") is None
    few = {**CONFIG, "num_classes": 2, "label_names": ["n1", "n2"],
           "label_descriptions": {"n1": "cat"}}
    assert timm_config.card_of(few).class_names == ("cat", "n2")


def test_other_files_with_a_config_beside_them(tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["X"]}')
    assert timm_config.read_card(tmp_path / "model.safetensors") is None
    (tmp_path / "config.json").write_text("{")
    assert timm_config.read_card(tmp_path / "own.pth") is None
