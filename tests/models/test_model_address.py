"""Models of other packages, by the address package.module:Name."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest

import zoo
import zoo.models
from zoo.weights import names, stored

IMAGES = np.random.default_rng(4).normal(size=(2, 28, 28, 1)).astype("float32")
MODULE = '''
import keras

from zoo.models import blocks, family
from zoo.models.structure import Structure


def small(images, head, *, filters, width=1.0):
    x = blocks.conv_bn_act(images, blocks.scaled(filters, width), 3, 2, prefix="first", act="relu")
    x = blocks.conv_bn_act(x, 2 * filters, 3, 2, prefix="second", act="relu")
    return head(x)


STRUCTURE = Structure(first=("first_conv",), stages=("first", "second"))
SMALL = family.Variant(
    small, structure=STRUCTURE, deltas={"filters": 4}, input_shape=(28, 28, 1), num_classes=3,
    min_side=4,
)
WRONG = family.Variant(
    small, structure=Structure(first=("first_conv",), stages=("first",)), deltas={"filters": 4}
)


class Zoo:
    inner = SMALL


def model(num_classes, input_shape, *, hidden, include_top=True):
    images = keras.Input(input_shape)
    x = keras.layers.Dense(hidden, name="hidden")(keras.layers.Flatten()(images))
    logits = keras.layers.Dense(num_classes, name="logits")
    return keras.Model(images, logits(x) if include_top else x)


def unnamed(num_classes=2, input_shape=(4, 4, 1)):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(num_classes)
    ], name="unnamed")


def nothing(num_classes=2, input_shape=(4, 4, 1)):
    return None


def without(num_classes):
    return None


number = 3
'''


@pytest.fixture(autouse=True, scope="module")
def outside(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "outside_models.py").write_text(MODULE)
    (folder / "outside_broken.py").write_text("import no_such_module\n")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("outside_models", None)


@pytest.mark.parametrize("name", ["outside_models:SMALL", "outside_models:Zoo.inner"])
def test_a_variant_is_built_as_the_zoos_own(name):
    zoo.models.check_model(name, ["width", "bn_epsilon"])
    model = zoo.create_model(name, width=0.5, bn_epsilon=0.01, kernel_initializer="msra")
    assert model.output.shape == (None, 3)
    assert model.get_layer("first_conv").filters == 2
    assert model.get_layer("second_bn").epsilon == 0.01
    assert name not in zoo.list_models() and names.sources(name) == {}
    info = zoo.model_info(name, num_classes=5)
    assert info.name == name and info.input_shape == (28, 28, 1) and info.paper == ""
    assert info.macs == 14 * 14 * 9 * 4 + 7 * 7 * 9 * 4 * 8 + 8 * 5
    with pytest.raises(ValueError, match="expected a height and width >= 4"):
        zoo.create_model(name, input_shape=(3, 4, 1))


def test_a_variant_has_stages_transfers_and_takes_its_weights_back(tmp_path):
    model = zoo.create_model("outside_models:SMALL", input_shape=(28, 28, 3))
    colour = np.repeat(IMAGES, 3, -1)
    assert {name: stage.stride for name, stage in zoo.stages(model).items()} == {
        "first": 2, "second": 4
    }
    own = zoo.transfer(model, 7, "from:second")
    assert [x.name for x in own.layers if x.trainable_variables] == [
        "second_conv", "second_bn", "head_dense"
    ]
    path = tmp_path / "model.safetensors"
    stored.write_values(path, {v.path: v.numpy() for v in model.weights})
    again = zoo.create_model("outside_models:SMALL", weights=str(path), input_shape=(28, 28, 3))
    np.testing.assert_array_equal(again(colour), model(colour))
    grey = zoo.create_model("outside_models:SMALL", weights=str(path), num_classes=2)
    assert grey.output.shape == (None, 2)
    np.testing.assert_allclose(
        zoo.feature_extractor(grey)(IMAGES)["second"],
        zoo.feature_extractor(model)(colour)["second"], rtol=1e-4, atol=1e-5,
    )
    model.save(tmp_path / "model.keras")
    opened = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(opened(colour), model(colour))
    # A file does not keep the structure: without it nobody guesses.
    with pytest.raises(ValueError, match="got model 'SMALL', of which it is not known which layer"):
        zoo.transfer(opened, 7)
    opened.structure = model.structure
    assert zoo.transfer(opened, 7).output.shape == (None, 7)


def test_a_function_is_called_with_what_is_given():
    zoo.models.check_model("outside_models:model", ["hidden"])
    model = zoo.create_model("outside_models:model", num_classes=5, input_shape=(28, 28, 1),
                             hidden=6)
    assert model.output.shape == (None, 5)
    features = zoo.create_model("outside_models:model", num_classes=5, input_shape=[28, 28, 1],
                                hidden=6, include_top=False)
    assert features.output.shape == (None, 6)
    with pytest.raises(ValueError, match="of which it is not known which layers do what"):
        zoo.stages(model)


ERRORS = [
    ({"name": "outside_models:LARGE"}, "got model 'outside_models:LARGE', which cannot be imp"),
    ({"name": "outside_nowhere:X"}, "got model 'outside_nowhere:X', which cannot be imported "),
    ({"name": "outside_broken:X"}, "got model 'outside_broken:X', which cannot be imported (Mo"),
    ({"name": "outside_models:number"},
     "got model 'outside_models:number', which is 'int'; expected a zoo.models.family.Variant, or "
     "a function that returns a keras.Model"),
    ({"name": "outside_models:Zoo"}, "got model 'outside_models:Zoo', which is 'type'; expected "),
    ({"name": "outside_models:without"},
     "got model 'outside_models:without', a function(num_classes); expected one with the "
     "parameters num_classes and input_shape"),
    ({"name": "outside_models:SMALL", "filters": 4},
     "unknown option 'filters' for model 'outside_models:SMALL'; it takes: bn_epsilon, "
     "bn_momentum, kernel_initializer, width"),
    ({"name": "outside_models:model", "width": 4},
     "unknown option 'width' for model 'outside_models:model'; it takes: bn_epsilon, bn_momentum, "
     "hidden, kernel_initializer"),
]


@pytest.mark.parametrize(("arguments", "message"), ERRORS)
def test_what_check_model_refuses(arguments, message):
    options = dict(arguments)
    with pytest.raises(ValueError) as error:
        zoo.models.check_model(options.pop("name"), options)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


@pytest.mark.parametrize(("arguments", "message"), [
    *ERRORS,
    ({"name": "outside_models:WRONG", "input_shape": (28, 28, 1)},
     "layer 'second_conv' of model 'WRONG' is in the parts []; expected one part, as its name "),
    ({"name": "outside_models:model", "num_classes": 3, "hidden": 2},
     "model 'outside_models:model': missing a required argument: 'input_shape'; expected ("),
    ({"name": "outside_models:nothing"},
     "got model 'outside_models:nothing', a function that returned 'NoneType'; expected a"),
    ({"name": "outside_models:unnamed"},
     "got model 'outside_models:unnamed', a function whose weight 'unnamed/dense"),
    ({"name": "outside_models:nothing", "pooling": "avg"},
     "model 'outside_models:nothing' is a function(num_classes=2, input_shape=(4, 4, 1)): got "
     "pooling='avg'; expected none"),
])
def test_what_create_model_refuses(arguments, message):
    with pytest.raises(ValueError) as error:
        zoo.models.create_model(**arguments)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_checking_an_address_loads_no_keras_unless_its_module_does(outside):
    (outside / "outside_light.py").write_text(MODULE.replace("import keras\n", ""))
    code = (
        "import sys, zoo.models\nzoo.models.check_model('outside_light:SMALL', ['width'])\n"
        "print([x for x in ('tensorflow', 'keras', 'numpy') if x in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=outside, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
