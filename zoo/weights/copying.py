"""What is known of a model goes into its copies: pickle, copy.copy and copy.deepcopy.

Keras copies a model through a file of its own, which has no place for it. Not
`keras.models.clone_model`, whose copies have new weights.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from typing import Any

from zoo.lazy import lazy_module

keras = lazy_module("keras")

_KNOWN = ("card", "preprocessing", "class_names", "structure", "weights_preprocessing")


def copies_keep_what_is_known(model: keras.Model) -> None:
    """Says so to Python, for all models of this class: Keras' functional ones."""
    copyreg.pickle(type(model), _reduced)


def _reduced(model: keras.Model) -> tuple[Callable, tuple]:
    """As `__reduce__`; a model of which nothing is known is copied as before."""
    known = {name: getattr(model, name) for name in _KNOWN if hasattr(model, name)}
    build, arguments = model.__reduce__()
    return (_built, (build, arguments, known)) if known else (build, arguments)


def _built(build: Callable, arguments: tuple, known: dict[str, Any]) -> keras.Model:
    model = build(*arguments)
    for name, value in known.items():
        setattr(model, name, value)
    copies_keep_what_is_known(model)
    return model
