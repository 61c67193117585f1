"""The models by name, and those of other packages by address.

Each family is a file of this folder with a table `MODELS` (name -> `family.Variant`); a file put
here is found, nothing else has to list it. Neither the names nor the tables load Keras. Instead
of a name stands the address package.module:Name of a `Variant` of your own, or of a function that
returns a keras.Model.
"""

from __future__ import annotations

import difflib
import fnmatch
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from pathlib import Path

from zoo.address import is_address, load
from zoo.lazy import lazy_module
from zoo.models.family import Variant
from zoo.models.structure import Structure
from zoo.natural_order import natural_key

keras = lazy_module("keras")

_FOLDERS = [str(Path(__file__).parent)]
# Options that every model takes, beside those of its builder.
_COMMON_OPTIONS = ("bn_epsilon", "bn_momentum", "kernel_initializer")
# Parameters of `create_model` that a function from outside need not have.
ENDS = ("include_top", "pooling", "classifier_activation")


def list_models(pattern: str = "*") -> list[str]:
    """The model names that match a shell pattern as `resnet*d`, 18 before 101."""
    return sorted(fnmatch.filter(_variants(), pattern), key=natural_key)


def check_model(name: str, options: Iterable[str] = ()) -> None:
    """Raises ValueError, in one line, for an unknown model or option name; loads no Keras.

    An address is imported, which runs the code of that module.
    """
    allowed = option_names(find(name))
    for option in options:
        if option not in allowed:
            raise ValueError(
                f"unknown option {option!r} for model {name!r}; it takes: {', '.join(allowed)}"
            )


def family_of(name: str) -> str:
    """The family, which is the file of this folder, that the model is in.

    Raises:
      ValueError: an unknown name.
    """
    return _named(name)[0]


def find(name: str) -> Variant | Callable[..., keras.Model]:
    """The table entry of a model, or the `Variant` or function at an address.

    Raises:
      ValueError: an unknown name, or an address with neither of the two.
    """
    if not is_address(str(name)):
        return _named(name)[1]
    found = load(name, "model")
    if isinstance(found, Variant):
        return found
    if not callable(found) or isinstance(found, type):
        raise ValueError(
            f"got model {name!r}, which is {type(found).__name__!r}; expected a "
            "zoo.models.family.Variant, or a function that returns a keras.Model"
        )
    parameters = inspect.signature(found).parameters
    for needed in ("num_classes", "input_shape"):
        if needed not in parameters:
            raise ValueError(
                f"got model {name!r}, a function{inspect.signature(found)}; expected one with the "
                f"parameters num_classes and input_shape"
            )
    return found


def structure_of(model: keras.Model) -> Structure | None:
    """What is known of the layers of `model`; None: nothing.

    `create_model` leaves the structure in the attribute `structure` of the models that it builds.
    A file does not keep it: of a model without that attribute, as `keras.models.load_model` opens
    it, the structure is that of the zoo's model of this name, if it describes the layers.
    """
    if (known := getattr(model, "structure", None)) is not None:
        return known
    if model.name not in _variants():
        return None
    known = _named(model.name)[1].structure
    try:
        known.check(model)
    except ValueError:  # another network of that name, as keras.applications' ResNet50
        return None
    return known


def option_names(found: Variant | Callable[..., keras.Model]) -> list[str]:
    """The options of what `find` found, beside the parameters of `create_model` itself."""
    if isinstance(found, Variant):
        parameters = inspect.signature(found.build).parameters.values()
        own = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - set(found.deltas)
        return sorted({*own, *_COMMON_OPTIONS} - set(found.deltas))
    parameters = inspect.signature(found).parameters.values()
    own = {p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    return sorted({*own, *_COMMON_OPTIONS} - {"num_classes", "input_shape", *ENDS})


@functools.cache
def _variants() -> dict[str, tuple[str, Variant]]:
    """All families' tables as one, name -> (family, entry); reads the folder, not a list."""
    found: dict[str, tuple[str, Variant]] = {}
    for module_info in pkgutil.iter_modules(_FOLDERS):
        family = module_info.name
        module = importlib.import_module(f"zoo.models.{family}")
        for name, variant in getattr(module, "MODELS", {}).items():
            if name in found:
                raise ValueError(
                    f"model {name!r} is in two files: {found[name][0]}.py and {family}.py"
                )
            found[name] = family, variant
    return found


def _named(name: str) -> tuple[str, Variant]:
    variants = _variants()
    if name in variants:
        return variants[name]
    close = difflib.get_close_matches(str(name), variants, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"unknown model {name!r}{hint} See zoo.list_models()")
