"""Building a model by its name or address."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from zoo.lazy import lazy_module
from zoo.models import checks, initializers
from zoo.models.counting import ModelInfo, count_macs, count_trainable
from zoo.models.family import Head, Variant
from zoo.models.registry import ENDS, check_model, find

keras = lazy_module("keras")


@checks.takes_numpy_numbers
def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    bn_momentum: float | None = None,
    bn_epsilon: float | None = None,
    kernel_initializer: str = initializers.XAVIER,
    **options: Any,
) -> keras.Model:
    """Builds the functional model `name` with new weights.

    Normalised float images [B, height, width, channels] in; out come float32 logits
    [B, num_classes] under every dtype policy, or with `include_top=False` the features before the
    classifier, in the policy's compute dtype. All layers are Keras' own: a saved `.keras` file
    opens without this library. The attribute `structure` says which layers do what.

    Args:
      name: one of `list_models()`, or the address package.module:Name of a
        `zoo.models.family.Variant`, or of a function of num_classes, input_shape and options that
        returns a keras.Model whose layers have names; examples/own_model.py has one of each.
      num_classes: >= 1; by default 1000, 10 for the models of 28x28 digits.
      input_shape: (height, width, channels); by default (224, 224, 3), or (28, 28, 1). A height
        or width of None is open, where no layer in the network or its classifier has one size.
      include_top: whether the model ends in its classifier.
      pooling: with `include_top=False`, None for the feature map [B, h, w, C], "avg" or "max" for
        its mean or maximum over h and w, [B, C].
      classifier_activation: the name of a Keras activation for the logits, as "softmax".
      bn_momentum: of the moving statistics of all batch normalisations, in [0, 1); by default
        0.9, or what the family's file says.
      bn_epsilon: added to the variance in all batch normalisations, over 0; by default 1e-5, or
        what the family's file says.
      kernel_initializer: what the kernels of convolutions and dense layers are drawn from,
        "xavier", "msra", "lecun" or "truncated_normal": initializers.py has the formulas.
      **options: what this model takes besides; the error for an unknown one lists them, the
        build function of the family describes them.

    Raises:
      ValueError: an unknown name or option, a value outside of the ranges above, an input
        smaller than the network can take, an option that has no effect with the others, or an
        address that cannot be imported or gives no model.
    """
    check_model(name, options)
    found = find(name)
    initializers.check_initializer("kernel_initializer", kernel_initializer)
    if isinstance(found, Variant):
        classes = _num_classes(found, num_classes, include_top)
        head = Head(classes, include_top, pooling, classifier_activation)
        model = _build(name, found, input_shape, head, options)
    else:
        ends = (include_top, pooling, classifier_activation)
        model = _call(name, found, num_classes, input_shape, ends, options)
    _set_in_batch_norms(model, "momentum", bn_momentum, checks.check_rate)
    _set_in_batch_norms(model, "epsilon", bn_epsilon, checks.check_positive)
    if kernel_initializer != initializers.XAVIER:  # blocks.py has drawn those
        initializers.redraw(model, kernel_initializer)
    return model


def model_info(name: str, **options: Any) -> ModelInfo:
    """Builds the model and counts; `options` are those of `create_model`.

    Raises:
      ValueError: as `create_model`.
    """
    model = create_model(name, **options)
    return ModelInfo(
        name=name,
        paper=getattr(find(name), "paper", ""),
        input_shape=tuple(model.input_shape[1:]),
        trainable_parameters=count_trainable(model),
        macs=count_macs(model),
    )


def _build(
    name: str,
    variant: Variant,
    input_shape: tuple[int | None, int | None, int] | None,
    head: Head,
    options: dict[str, Any],
) -> keras.Model:
    shape = variant.input_shape if input_shape is None else input_shape
    checks.check_input_shape(shape, variant.min_side)
    images = keras.Input(tuple(shape), name="images")
    outputs = variant.build(images, head, **variant.deltas, **options)
    # Of an address its last part: TensorFlow takes no ":" in a name.
    model = keras.Model(images, outputs, name=name.rpartition(":")[2])
    variant.structure.check(model)
    model.structure = variant.structure
    return model


def _call(
    name: str,
    function: Callable[..., keras.Model],
    num_classes: int | None,
    input_shape: tuple[int | None, int | None, int] | None,
    ends: tuple[bool, str | None, str | None],
    options: dict[str, Any],
) -> keras.Model:
    """What the function from outside returns; what is not given is left to its own defaults."""
    signature = inspect.signature(function)
    given = {"num_classes": num_classes, "input_shape": input_shape and tuple(input_shape)}
    arguments = {key: value for key, value in given.items() if value is not None} | options
    for end, value, default in zip(ENDS, ends, (True, None, None), strict=True):
        if value == default:
            continue
        if end not in signature.parameters:
            raise ValueError(
                f"model {name!r} is a function{signature}: got {end}={value!r}; expected none"
            )
        arguments[end] = value
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise ValueError(f"model {name!r}: {error}; expected {signature}") from None
    model = function(**arguments)
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"got model {name!r}, a function that returned {type(model).__name__!r}; expected a "
            "keras.Model"
        )
    _check_paths(name, model, function(**arguments))
    return model


def _check_paths(name: str, model: keras.Model, again: keras.Model) -> None:
    """Raises ValueError unless a second call gave weights of the same paths.

    Files and checkpoints keep weights by their path. Keras numbers layers without a name in the
    order in which a process builds them: another process would not find their weights.
    """
    for first, second in zip(model.weights, again.weights, strict=True):
        if first.path != second.path:
            raise ValueError(
                f"got model {name!r}, a function whose weight {first.path!r} was called "
                f"{second.path!r} at a second call; expected a name=... for each layer with "
                "weights, and for a keras.Sequential itself"
            )


def _num_classes(variant: Variant, num_classes: int | None, include_top: bool) -> int:
    if num_classes is None:
        return variant.num_classes
    if not include_top:
        raise ValueError(
            "a model without its classifier has no classes: "
            f"got num_classes={num_classes!r}; expected None with include_top=False"
        )
    return num_classes


def _set_in_batch_norms(
    model: keras.Model, attribute: str, value: float | None, check: Callable[[str, float], None]
) -> None:
    """Sets an attribute that the layers read at each call, and save: no builder passes it on."""
    if value is None:
        return
    check(f"bn_{attribute}", value)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    if not norms:
        raise ValueError(
            f"model {model.name!r} has no batch normalisation: "
            f"got bn_{attribute}={value!r}; expected None"
        )
    for norm in norms:
        setattr(norm, attribute, value)
