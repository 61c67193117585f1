"""A trained model as one file: out and in again, to the bit, whatever the model is."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import zoo
from zoo.models import family_of, list_models
from zoo.weights.card import from_json
from zoo.weights.preprocessing import Preprocessing

# One small model of each family: name and options.
FAMILIES = {
    "alexnet": ("alexnet", {"width": 0.125}),
    "densenet": ("densenet121", {"input_shape": (64, 64, 3)}),
    "efficientnet_lite": ("efficientnet_lite0", {"input_shape": (64, 64, 3)}),
    "googlenet": ("googlenet_bn", {"input_shape": (64, 64, 3)}),
    "inception_v3": ("inception_v3", {"input_shape": (107, 107, 3)}),
    "lenet": ("lenet5", {"pool": "max", "activation": "elu"}),
    "mlp": ("mlp", {}),
    "mobilenet": ("mobilenet_v1_025", {"input_shape": (64, 64, 3)}),
    "mobilenet_v2": ("mobilenet_v2_035", {"input_shape": (64, 64, 3)}),
    "mobilenet_v3": ("mobilenet_v3_small_050", {"input_shape": (64, 64, 3)}),
    "resnet": ("resnet18d", {"width": 0.25, "zero_gamma": True, "input_shape": (64, 64, 3)}),
    "vgg": ("vgg11_bn", {"width": 0.125, "input_shape": (64, 64, 3)}),
    "zfnet": ("zfnet", {"width": 0.125}),
}


def randomised(model: keras.Model) -> keras.Model:
    """Statistics too: those of a new model would hide that they were not kept."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            weight.assign(weight.numpy() + 0.1 * rng.random(weight.shape))
    return model


def values_of(model: keras.Model) -> dict[str, np.ndarray]:
    return {w.path: w.numpy() for w in model.weights if keras.backend.is_float_dtype(w.dtype)}


def round_trip(model: keras.Model, folder) -> keras.Model:
    """Asserts that what comes back is the same model."""
    zoo.save_pretrained(model, folder / "model.safetensors")
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]
    read = zoo.load_model(folder / "model.safetensors")
    there, here = values_of(model), values_of(read)
    assert list(here) == list(there)
    for path, value in there.items():
        assert here[path].dtype == value.dtype
        np.testing.assert_array_equal(here[path], value, err_msg=path)
    images = np.random.default_rng(2).normal(size=(2, *model.input_shape[1:])).astype("float32")
    np.testing.assert_array_equal(read(images), model(images))
    assert read.name == model.name
    assert read.class_names == model.class_names and read.preprocessing == model.preprocessing
    assert read.card == dataclasses.replace(model.card, class_names=model.class_names)
    return read


def test_there_is_a_row_for_each_family():
    assert {family_of(name) for name in list_models()} == set(FAMILIES)
    assert {family: family_of(name) for family, (name, _) in FAMILIES.items()} == {
        family: family for family in FAMILIES
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_survives(family, tmp_path):
    name, options = FAMILIES[family]
    round_trip(randomised(zoo.create_model(name, num_classes=7, **options)), tmp_path)


@pytest.mark.parametrize("options", [
    {"include_top": False},
    {"include_top": False, "pooling": "max"},
    {"num_classes": 1},
    {"input_shape": (40, 72, 3)},
    {"input_shape": (33, 33, 1)},
    {"input_shape": (48, 32, 5), "include_top": False, "pooling": "avg"},
    {"classifier_activation": "softmax"},
    {"dropout": 0.3, "bn_epsilon": 1e-3, "kernel_initializer": "msra"},
])
def test_heads_channels_sizes_and_options_survive(options, tmp_path):
    built = {"width": 0.125, "input_shape": (32, 32, 3), **options}
    round_trip(randomised(zoo.create_model("resnet18", **built)), tmp_path)


def test_what_an_app_says_of_its_model_survives(tmp_path):
    model = randomised(zoo.create_model("lenet5", num_classes=3))
    model.class_names = ["ant", "bee", "Käfer"]
    model.preprocessing = Preprocessing(28, 30, "bilinear_aliased", (33.3,), (78.6,))
    zoo.save_pretrained(model, tmp_path / "m.safetensors", licence="CC0-1.0")
    read = zoo.load_model(str(tmp_path / "m.safetensors"))
    assert read.class_names == ("ant", "bee", "Käfer")
    assert read.preprocessing == model.preprocessing
    assert read.card.licence == "CC0-1.0"
    assert read.card.parameters == sum(np.prod(w.shape) for w in model.trainable_weights)


def test_arguments_hold_over_what_the_file_says(tmp_path):
    model = randomised(zoo.create_model("resnet18", num_classes=7, width=0.125,
                                        input_shape=(32, 32, 3), classifier_activation="softmax"))
    model.class_names = tuple("abcdefg")
    model.preprocessing = Preprocessing(32, 36, "bicubic", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    path = tmp_path / "m.safetensors"
    zoo.save_pretrained(model, path)
    other = zoo.create_model("resnet18", weights=path, num_classes=2, input_shape=(64, 64, 1))
    assert other.output.shape == (None, 2) and other.class_names is None
    assert other.card.options == {"width": 0.125}
    assert other.preprocessing == Preprocessing(64, 72, "bicubic", (2.0,), (5.0,))
    features = zoo.create_model(weights=path, include_top=False, pooling="avg")
    assert features.output.shape == (None, 64)
    expected = keras.Model(model.input, model.get_layer("head_pool").output)
    images = np.random.default_rng(0).random((2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(features(images), expected(images))


def test_a_classifier_on_what_was_saved_without(tmp_path):
    features = randomised(zoo.create_model("resnet18", width=0.125, input_shape=(32, 32, 3),
                                           include_top=False, pooling="avg"))
    path = tmp_path / "m.safetensors"
    zoo.save_pretrained(features, path)
    model = zoo.create_model(weights=path, include_top=True, num_classes=4)
    assert model.output.shape == (None, 4)
    again = keras.Model(model.input, model.get_layer("head_pool").output)
    images = np.random.default_rng(0).random((2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(again(images), features(images))
    zoo.save_pretrained(model, path)
    assert zoo.load_model(path).output.shape == (None, 4)


def test_a_transferred_model_survives(tmp_path):
    model = zoo.create_model("lenet5", weights="mnist")
    own = zoo.transfer(model, num_classes=26)
    own.class_names = tuple("abcdefghijklmnopqrstuvwxyz")
    read = round_trip(own, tmp_path)
    assert read.card.num_classes == 26 and read.preprocessing == model.preprocessing


def test_numpy_and_safetensors_are_enough_to_read_it(tmp_path):
    model = randomised(zoo.create_model("lenet5"))
    zoo.save_pretrained(model, tmp_path / "m.safetensors")
    code = """
import json, sys, safetensors
with safetensors.safe_open("m.safetensors", "numpy") as file:
    card = json.loads(file.metadata()["zoo"])
    total = {name: float(file.get_tensor(name).astype("float64").sum()) for name in file.keys()}
loaded = [name for name in ("zoo", "keras", "tensorflow") if name in sys.modules]
print(json.dumps([card, total, loaded]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True,
                          text=True, check=True)
    card, total, loaded = json.loads(done.stdout)
    assert loaded == []
    assert (card["format"], card["model"], card["num_classes"]) == (1, "lenet5", 10)
    assert card["input_shape"] == [28, 28, 1] and card["parameters"] == 61706
    assert total == {path: float(value.astype("float64").sum())
                     for path, value in values_of(model).items()}


def test_a_finished_run_is_its_file_alone(finished_run, tmp_path):
    path = tmp_path / "digits.safetensors"
    path.write_bytes((finished_run / "model.safetensors").read_bytes())
    model = zoo.load_model(path)
    card = model.card
    assert (card.model, card.num_classes, card.class_names) == ("lenet5", 10, tuple("0123456789"))
    assert card.preprocessing == Preprocessing(28, 28, "bilinear", (33.3,), (78.6,))
    assert card.recipe["epochs"] == 3 and card.recipe["data"] == "mnist5k"
    assert card.command.startswith("python -m recipes.lenet5 --flagfile=")
    assert card.versions["keras"] == keras.__version__
    summary = json.loads((finished_run / "summary.json").read_text())
    assert card.accuracies == {"validation": summary["validation"]}
    saved = keras.models.load_model(finished_run / "model.keras")
    images = np.random.default_rng(0).random((2, 28, 28, 1)).astype("float32")
    np.testing.assert_array_equal(model(images), saved(images))


def test_a_card_older_than_the_orientation_was_trained_without_it(finished_run):
    card = zoo.load_model(finished_run).card
    assert card.preprocessing.orientation == card.recipe["orientation"] == "exif"
    fields = json.loads(card.to_json())
    del fields["preprocessing"]["orientation"], fields["recipe"]["orientation"]
    older = from_json(json.dumps(fields))
    assert older.preprocessing == dataclasses.replace(card.preprocessing, orientation="ignored")
    assert older.recipe == {**card.recipe, "orientation": "ignored"}
    fields["preprocessing"]["orientation"] = "upright"
    with pytest.raises(ValueError, match="unknown orientation, got 'upright'; expected one of"):
        from_json(json.dumps(fields))


def test_an_unfinished_run_and_one_of_an_earlier_version_open(finished_run, tmp_path):
    """Without its model.safetensors a run is read from its newest checkpoint."""
    run = tmp_path / "run"
    run.mkdir()
    for name in ("recipe.json", "classes.txt", "checkpoints"):
        (run / name).symlink_to(finished_run / name)
    read, expected = zoo.load_model(run), zoo.load_model(finished_run)
    for path, value in values_of(expected).items():
        np.testing.assert_array_equal(values_of(read)[path], value)
    assert read.class_names == expected.class_names
    assert read.preprocessing == expected.preprocessing
    (run / "checkpoints").unlink()
    with pytest.raises(ValueError, match=f"^{run} has no checkpoint yet; train it further first$"):
        zoo.load_model(run)


def rewritten(path, **changes) -> str:
    """The file with another card. Returns its path."""
    values = safetensors.numpy.load_file(path)
    with safetensors.safe_open(path, "numpy") as file:
        card = json.loads(file.metadata()["zoo"])
    card.update(changes)
    safetensors.numpy.save_file(values, path, {"zoo": json.dumps(card)})
    return str(path)


@pytest.fixture
def digits_file(tmp_path):
    zoo.save_pretrained(zoo.create_model("lenet5"), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("changes, part", [
    ({"format": 2}, "its description has another format than 1, the one that this version reads"),
    ({"model": "lenet7"}, "unknown model 'lenet7'"),
    ({"model": 7}, "its description cannot be read: got model=7"),
    ({"mystery": 1}, "its description cannot be read: "),
    ({"input_shape": [28, 28]}, "its description cannot be read: got input_shape=(28, 28)"),
    ({"input_shape": [28, -28, 1]}, "got input_shape=(28, -28, 1)"),
    ({"num_classes": "ten"}, "got num_classes='ten'"),
    ({"class_names": ["a"]}, "got class_names=('a',)"),
    ({"options": {"widht": 2}}, "unknown option 'widht' for model 'lenet5'"),
    ({"options": {"width": 2}}, "got a tensor of shape (5, 5, 1, 6) for 'stage1_conv/kernel'"),
    ({"preprocessing": {"mean": 3}}, "its description cannot be read: "),
    ({"recipe": "resnet"}, "got recipe='resnet'"),
])
def test_a_card_that_cannot_be(changes, part, digits_file):
    path = rewritten(digits_file, **changes)
    with pytest.raises(ValueError) as error:
        zoo.load_model(path)
    assert part in str(error.value) and "\n" not in str(error.value)


def test_damaged_files_say_so(digits_file):
    whole = digits_file.read_bytes()
    for data in (whole[:-1], whole[:400], whole[:8] + b"[" + whole[9:]):
        digits_file.write_bytes(data)
        with pytest.raises(ValueError, match=f"^{digits_file}: ") as error:
            zoo.load_model(digits_file)
        assert "\n" not in str(error.value)


def test_a_file_of_another_model(digits_file):
    with pytest.raises(ValueError, match="for 'lenet'; they are of 'lenet5'$"):
        zoo.create_model("lenet", weights=digits_file)


def test_a_file_that_does_not_tell_its_model(tmp_path):
    safetensors.numpy.save_file({"a/b": np.zeros(2, "float32")}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="a file that does not tell its model; expected the model"):
        zoo.load_model(tmp_path / "x.safetensors")


def test_code_of_a_stranger_is_not_imported(digits_file, tmp_path, monkeypatch):
    (tmp_path / "evil_package.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    path = rewritten(digits_file, model="evil_package:Net")
    with pytest.raises(ValueError, match="names 'evil_package:Net'.*expected --trust=evil_package"):
        zoo.load_model(path)
    with pytest.raises(ValueError, match="--trust=evil_package"):
        zoo.load_model(path, trust=("other",))
    assert "evil_package" not in sys.modules


@pytest.mark.parametrize("model, part", [
    (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]),
     "which is not as zoo.create_model builds it"),
    (lambda: zoo.feature_extractor(zoo.create_model("lenet5")),
     "which is not as zoo.create_model builds it"),
])
def test_models_that_the_zoo_cannot_build_again(model, part, tmp_path):
    with pytest.raises(ValueError, match=part):
        zoo.save_pretrained(model(), tmp_path / "x.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_the_file(tmp_path):
    with pytest.raises(ValueError, match="expected a name that ends in .safetensors"):
        zoo.save_pretrained(zoo.create_model("lenet5"), tmp_path / "x.keras")
