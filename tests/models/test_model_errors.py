"""What create_model refuses, and in which words."""

from __future__ import annotations

import pytest

import zoo.models

RESNET_OPTIONS = (
    "activation, bn_epsilon, bn_momentum, dropout, kernel_initializer, small_input, "
    "stochastic_depth, width, zero_gamma"
)
CREATE_ERRORS = {
    "close name": (
        {"name": "resnet51"},
        "unknown model 'resnet51'; did you mean 'resnet50'? See zoo.list_models()",
    ),
    "far name": ({"name": "xyz"}, "unknown model 'xyz'. See zoo.list_models()"),
    "option": (
        {"name": "resnet50", "widht": 2},
        f"unknown option 'widht' for model 'resnet50'; it takes: {RESNET_OPTIONS}",
    ),
    "the variant's own": (
        {"name": "resnet50", "bottleneck": False},
        f"unknown option 'bottleneck' for model 'resnet50'; it takes: {RESNET_OPTIONS}",
    ),
    "lenet5's options": (
        {"name": "lenet5", "zero_gamma": True},
        "unknown option 'zero_gamma' for model 'lenet5'; it takes: "
        "activation, bn_epsilon, bn_momentum, dropout, kernel_initializer, pool, width",
    ),
    "no class": ({"num_classes": 0}, "got num_classes=0; expected an integer >= 1"),
    "half a class": ({"num_classes": 2.5}, "got num_classes=2.5; expected an integer >= 1"),
    "one side": (
        {"input_shape": (28,)},
        "got input_shape=(28,); expected 3 positive integers: height, width, channels; "
        "or None for a height or width that is open",
    ),
    "not a shape": (
        {"input_shape": 28},
        "got input_shape=28; expected 3 positive integers: height, width, channels; "
        "or None for a height or width that is open",
    ),
    "no channels": (
        {"input_shape": (28, 28, 0)},
        "got input_shape=(28, 28, 0); expected 3 positive integers: height, width, channels; "
        "or None for a height or width that is open",
    ),
    "open channels": (
        {"input_shape": (28, 28, None)},
        "got input_shape=(28, 28, None); expected 3 positive integers: height, width, channels; "
        "or None for a height or width that is open",
    ),
    "open side": (
        {"input_shape": (None, 28, 1)},
        "got None in input_shape, but layer 'head_flatten' of this model takes maps of one size "
        "alone; expected a height and a width, or include_top=False",
    ),
    "open sides of an averaged map": (
        {"name": "vgg11", "input_shape": (None, None, 3), "width": 0.05},
        "got None in input_shape, but layer 'head_pool' of this model takes maps of one size "
        "alone; expected a height and a width, or include_top=False",
    ),
    "open sides of an auxiliary head": (
        {"name": "googlenet_bn", "input_shape": (None, None, 3), "aux_heads": True},
        "got None in input_shape, but layer 'aux1_flatten' of this model takes maps of one size "
        "alone; expected a height and a width, or aux_heads=False",
    ),
    "open sides of a network of vectors": (
        {"name": "mlp", "input_shape": (None, 28, 1), "include_top": False},
        "got None in input_shape, but layer 'stage1_flatten' of this model takes maps of one size "
        "alone; expected a height and a width",
    ),
    "open sides and response normalisation": (
        {"name": "zfnet", "input_shape": (None, None, 3), "include_top": False, "width": 0.1},
        "got None in input_shape, but layer 'stage2_lrn' of this model takes maps of one size "
        "alone; expected a height and a width",
    ),
    "small beside an open side": (
        {"input_shape": (None, 11, 1)},
        "got input_shape=(None, 11, 1); expected a height and width >= 12",
    ),
    "small lenet5": (
        {"input_shape": (28, 11, 1)},
        "got input_shape=(28, 11, 1); expected a height and width >= 12",
    ),
    "small lenet": (
        {"name": "lenet", "input_shape": (15, 28, 1)},
        "got input_shape=(15, 28, 1); expected a height and width >= 16",
    ),
    "small resnet": (
        {"name": "resnet18", "input_shape": [31, 224, 3]},
        "got input_shape=(31, 224, 3); expected a height and width >= 32",
    ),
    "pooling": (
        {"pooling": "mean", "include_top": False},
        "got pooling='mean'; expected one of [None, 'avg', 'max']",
    ),
    "pooling and top": (
        {"pooling": "avg"},
        "pooling chooses the output of a model without its classifier: "
        "got pooling='avg'; expected None with include_top=True",
    ),
    "pooling of vectors": (
        {"name": "mlp", "pooling": "avg", "include_top": False},
        "the features of this model are vectors already: got pooling='avg'; expected None",
    ),
    "classes and no top": (
        {"num_classes": 10, "include_top": False},
        "a model without its classifier has no classes: "
        "got num_classes=10; expected None with include_top=False",
    ),
    "activation and no top": (
        {"classifier_activation": "softmax", "include_top": False},
        "a model without its classifier has no classifier activation: "
        "got classifier_activation='softmax'; expected None with include_top=False",
    ),
    "unknown classifier activation": (
        {"classifier_activation": "sofmax"},
        "got classifier_activation='sofmax'; expected the name of a Keras activation, as 'relu'",
    ),
    "unknown activation": (
        {"activation": "rely"},
        "got activation='rely'; expected the name of a Keras activation, as 'relu'",
    ),
    "unknown activation of lenet": (
        {"name": "lenet", "activation": None},
        "got activation=None; expected the name of a Keras activation, as 'relu'",
    ),
    "unknown activation of mlp": (
        {"name": "mlp", "activation": 1},
        "got activation=1; expected the name of a Keras activation, as 'relu'",
    ),
    "pool": ({"pool": "min"}, "got pool='min'; expected one of ['avg', 'max']"),
    "dropout": ({"dropout": 1}, "got dropout=1; expected a number in [0, 1)"),
    "dropout of mlp": (
        {"name": "mlp", "dropout": -0.1},
        "got dropout=-0.1; expected a number in [0, 1)",
    ),
    "dropout and no top": (
        {"name": "resnet18", "dropout": 0.5, "include_top": False, "input_shape": (32, 32, 3)},
        "a model without its classifier has no dropout before it: "
        "got dropout=0.5; expected 0 with include_top=False",
    ),
    "no hidden layer": (
        {"name": "mlp", "hidden": ()},
        "got hidden=(); expected one or more positive integers",
    ),
    "empty hidden layer": (
        {"name": "mlp", "hidden": (5, 0)},
        "got hidden=(5, 0); expected one or more positive integers",
    ),
    "one number of hidden layers": (
        {"name": "mlp", "hidden": 5},
        "got hidden=5; expected one or more positive integers",
    ),
    "zero_gamma": (
        {"name": "resnet18", "zero_gamma": 0.5},
        "got zero_gamma=0.5; expected True or False",
    ),
    "width": (
        {"name": "resnet18", "width": 0},
        "got width=0; expected a number over 0",
    ),
    "momentum of no normalisation": (
        {"bn_momentum": 0.9},
        "model 'lenet5' has no batch normalisation: got bn_momentum=0.9; expected None",
    ),
    "momentum": (
        {"name": "resnet18", "bn_momentum": 1.0},
        "got bn_momentum=1.0; expected a number in [0, 1)",
    ),
    "epsilon": (
        {"name": "resnet18", "bn_epsilon": 0},
        "got bn_epsilon=0; expected a number over 0",
    ),
    "small_input": (
        {"name": "resnet18", "small_input": 1},
        "got small_input=1; expected True or False",
    ),
    "zero_gamma of v2": (
        {"name": "resnet18_v2", "zero_gamma": True},
        "a pre-activation branch that starts at zero gets no gradient through its last ReLU: "
        "got zero_gamma=True; expected False for the v2 form",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), CREATE_ERRORS.values(), ids=CREATE_ERRORS)
def test_errors_of_create_model(arguments, message):
    with pytest.raises(ValueError) as error:
        zoo.models.create_model(**{"name": "lenet5", **arguments})
    assert str(error.value) == message
