"""How public libraries name the models of this zoo and their tensors.

Each family has a file here, called as in zoo/models, with one function `sources(name)`: for the
zoo's model `name`, what each library (timm, torchvision, gluoncv, keras) calls it. A library that
lacks the model, or has another function under its name, is left out.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence

import zoo.models
from zoo.address import is_address

# The layer of a module that no inference needs.
UNUSED = ""
# The type of `Source.layers`.
Layers = Callable[[Mapping[str, str]], Mapping[str, str]]
LIBRARIES = ("timm", "torchvision", "gluoncv", "keras", "efficientnet_lite_pytorch")


@dataclasses.dataclass(frozen=True)
class Source:
    """A model as a public library has it.

    model: its name there.
    layers: from the names of the library's modules that hold tensors ("layer1.0.conv1"), in
        natural order, each with its kind ("conv", "dense" or "bn"), to the names of the layers
        here, or UNUSED. Every layer of the full model is named, its classifier ("head_...") and
        auxiliary heads ("aux1_...") included. A module it does not know is left out of the
        answer.
    bn_epsilon: of the library's batch normalisations, where it is not the builder's.
    keras_layout: kernels are HWIO and [in, out] there, as here; else OIHW and [out, in].
    """

    model: str
    layers: Layers
    bn_epsilon: float | None = None
    keras_layout: bool = False


def each(
    modules: Mapping[str, str], layer: Callable[[str, str], str | None]
) -> dict[str, str]:
    """What `layer(module, kind)` says for each module; None: it does not know it."""
    named = {name: layer(name, kind) for name, kind in modules.items()}
    return {name: found for name, found in named.items() if found is not None}


def in_order(
    modules: Mapping[str, str], layers: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """The modules of each kind are the layers of that kind, one after the other: for networks
    that are one chain, kept as a list."""
    left = {kind: iter(names) for kind, names in layers.items()}
    return each(modules, lambda _, kind: next(left[kind], None) if kind in left else None)


def sources(name: str) -> dict[str, Source]:
    """Library -> `Source` of the zoo's model `name`; none for the address of another package's.

    Raises:
      ValueError: an unknown name.
    """
    if is_address(name):
        return {}
    family = zoo.models.family_of(name)
    if family not in _families():
        return {}
    return importlib.import_module(f"{__name__}.{family}").sources(name)


def find(library: str, model: str) -> tuple[str, Source]:
    """The zoo's name of `model` of `library`, and its `Source`.

    Raises ValueError, in one line, where there is none.
    """
    if library not in LIBRARIES:
        raise ValueError(f"unknown library {library!r}; expected one of {list(LIBRARIES)}")
    models = _models_of(library)
    if model in models:
        return models[model], sources(models[model])[library]
    close = difflib.get_close_matches(model, models, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; it knows {', '.join(models)}"
    raise ValueError(f"the zoo has no model of {library} called {model!r}{hint}")


@functools.cache
def _models_of(library: str) -> dict[str, str]:
    """A library's name -> the zoo's; of two that are the same function, the first."""
    found: dict[str, str] = {}
    for name in zoo.models.list_models():
        if library in (known := sources(name)):
            found.setdefault(known[library].model, name)
    return found


@functools.cache
def _families() -> frozenset[str]:
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))
