"""The models by name: what there is, building one, its size.

Each family is a file of this folder with a table `MODELS` (name -> `family.Variant`); a file put
here is found, nothing else has to list it. Neither the names nor the tables load Keras.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import functools
import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Callable, Iterable
from typing import Any

from zoo.lazy import lazy_module
from zoo.models import checks, initializers
from zoo.models.family import Head, Variant

keras = lazy_module("keras")

# The files of this folder that describe no family.
_NO_FAMILIES = ("blocks", "checks", "family", "initializers")
# Options that every model takes, beside those of its builder.
_COMMON_OPTIONS = ("bn_epsilon", "bn_momentum", "kernel_initializer")

__all__ = [
    "ModelInfo",
    "check_model",
    "count_macs",
    "count_trainable",
    "create_model",
    "family_of",
    "list_models",
    "model_info",
]


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """A model in figures; `macs` are multiply-adds for one image of `input_shape`."""

    name: str
    paper: str
    input_shape: tuple[int, int, int]
    trainable_parameters: int
    macs: int


def list_models(pattern: str = "*") -> list[str]:
    """The model names that match a shell pattern as `resnet*d`, 18 before 101."""
    return sorted(fnmatch.filter(_variants(), pattern), key=_natural_key)


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    input_shape: tuple[int, int, int] | None = None,
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
    opens without this library.

    Args:
      name: one of `list_models()`.
      num_classes: >= 1; by default 1000, 10 for the models of 28x28 digits.
      input_shape: (height, width, channels); by default (224, 224, 3), or (28, 28, 1).
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
        smaller than the network can take, or an option that has no effect with the others.
    """
    check_model(name, options)
    _, variant = _find(name)
    classes = _num_classes(variant, num_classes, include_top)
    head = Head(classes, include_top, pooling, classifier_activation)
    shape = variant.input_shape if input_shape is None else input_shape
    checks.check_input_shape(shape, variant.min_side)
    initializers.check_initializer("kernel_initializer", kernel_initializer)
    images = keras.Input(tuple(shape), name="images")
    outputs = variant.build(images, head, **variant.deltas, **options)
    model = keras.Model(images, outputs, name=name)
    _set_in_batch_norms(model, "momentum", bn_momentum, checks.check_rate)
    _set_in_batch_norms(model, "epsilon", bn_epsilon, checks.check_positive)
    if kernel_initializer != initializers.XAVIER:  # blocks.py has drawn those
        initializers.redraw(model, kernel_initializer)
    return model


def check_model(name: str, options: Iterable[str] = ()) -> None:
    """Raises ValueError, in one line, for an unknown model or option name; loads no Keras."""
    _, variant = _find(name)
    allowed = _option_names(variant)
    for option in options:
        if option not in allowed:
            raise ValueError(
                f"unknown option {option!r} for model {name!r}; it takes: {', '.join(allowed)}"
            )


def model_info(name: str, **options: Any) -> ModelInfo:
    """Builds the model and counts; `options` are those of `create_model`.

    Raises:
      ValueError: as `create_model`.
    """
    model = create_model(name, **options)
    _, variant = _find(name)
    return ModelInfo(
        name=name,
        paper=variant.paper,
        input_shape=tuple(model.input_shape[1:]),
        trainable_parameters=count_trainable(model),
        macs=count_macs(model),
    )


def count_trainable(model: keras.Model) -> int:
    """The number of trainable values: what papers call parameters.

    `model.count_params()` is more, it counts the statistics of batch normalisation too.
    """
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def count_macs(model: keras.Model) -> int:
    """The multiply-adds of convolutions and dense layers for one image.

    What papers and model tables give, often as "FLOPs"; biases, normalisation, activations and
    pooling are not counted. The images must be channels-last and of a fixed size.

    Raises:
      ValueError: a layer that has a kernel of a kind this function does not know.
    """
    layers = keras.layers
    total = 0
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense)):
            # A kernel is used once at each position; a grouped one is that much smaller.
            total += math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape)
        elif any(len(weight.shape) > 1 for weight in layer.weights):
            raise ValueError(
                f"cannot count the multiply-adds of layer {layer.name!r}: "
                f"got type={type(layer).__name__}; expected Conv2D, DepthwiseConv2D or Dense"
            )
    return total


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
    """What the layers read at each call, and save: set here, no builder has to pass it on."""
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


def family_of(name: str) -> str:
    """The family, which is the file of this folder, that the model is in.

    Raises:
      ValueError: an unknown name.
    """
    family, _ = _find(name)
    return family


@functools.cache
def _variants() -> dict[str, tuple[str, Variant]]:
    """All families' tables as one, name -> (family, entry); reads the folder, not a list."""
    found: dict[str, tuple[str, Variant]] = {}
    for module_info in pkgutil.iter_modules(__path__):
        family = module_info.name
        if family in _NO_FAMILIES:
            continue
        module = importlib.import_module(f"{__name__}.{family}")
        for name, variant in module.MODELS.items():
            if name in found:
                raise ValueError(
                    f"model {name!r} is in two files: {found[name][0]}.py and {family}.py"
                )
            found[name] = family, variant
    return found


def _find(name: str) -> tuple[str, Variant]:
    variants = _variants()
    if name in variants:
        return variants[name]
    close = difflib.get_close_matches(str(name), variants, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"unknown model {name!r}{hint} See zoo.list_models()")


def _option_names(variant: Variant) -> list[str]:
    parameters = inspect.signature(variant.build).parameters.values()
    keyword_only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    return sorted({*keyword_only, *_COMMON_OPTIONS} - set(variant.deltas))


def _natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Digits compare as numbers: resnet18 comes before resnet101."""
    parts = re.findall(r"\d+|\D+", name)
    return [(p.isdigit(), int(p) if p.isdigit() else 0, p) for p in parts]
