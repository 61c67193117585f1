"""`.keras` files that older versions of Keras 3 open as well.

Keras writes every argument of a layer or initializer into the file, and refuses a file with an
argument that it does not know. So a file of Keras 3.15.1 is refused by all versions before, for
arguments that nobody gave: `GlorotUniform got unexpected input_axes`. An argument that holds its
default says nothing; without it the file opens: docs/measurements/keras_versions.md.
"""

from __future__ import annotations

import functools
import inspect
import json
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.files import folder_aside, written_aside
from zoo.given_path import as_path

if TYPE_CHECKING:
    import keras

_CONFIG = "config.json"
_KEPT = {"name", "trainable", "dtype"}  # of any layer; some from_config count on them


def save_keras(model: keras.Model, path: str | Path) -> None:
    """Writes `model` as `keras.models.load_model` reads it, in Keras 3.4 and later.

    The file is Keras' own (weights, compile options, assets); its configuration lacks the arguments
    that hold the default of their class. An argument that an older version lacks and that is not at
    its default stays, and that version refuses the file.

    Raises:
      ValueError: `path` does not end in .keras.
    """
    path = as_path(path)
    if path.suffix != ".keras":
        raise ValueError(f"path: got {path}; expected a name that ends in .keras")
    with written_aside(path) as aside, folder_aside(path.parent) as folder:
        whole = folder / path.name
        model.save(whole)
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(aside, "w") as target:
            for member in source.infolist():
                if member.filename == _CONFIG:
                    config = without_defaults(json.loads(source.read(member)))
                    target.writestr(member, json.dumps(config))
                    continue
                with source.open(member) as reader, target.open(member, "w") as writer:
                    shutil.copyfileobj(reader, writer, 2**20)


def without_defaults(config: object) -> object:
    """A serialized Keras object (dicts, lists and plain values, as in JSON) without the arguments
    at their default, nested objects too.

    Of Keras' own classes alone: theirs are the arguments that come with versions, and the
    `from_config` of another class may count on each of its keys.
    """
    if isinstance(config, list):
        return [without_defaults(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {key: without_defaults(value) for key, value in config.items()}
    if isinstance(config.get("config"), dict):
        defaults = _defaults(config.get("module"), config.get("class_name"))
        config["config"] = {
            key: value for key, value in config["config"].items()
            if key in _KEPT or key not in defaults or not _same(value, defaults[key])
        }
    return config


@functools.cache
def _defaults(module: str | None, class_name: str | None) -> dict[str, object]:
    """Default by name of all arguments of a class of Keras, those of its bases included; empty
    where it is none."""
    if not module or module.partition(".")[0] != "keras":
        return {}
    # The model's modules are all loaded: nothing is imported by a name from a configuration.
    cls = getattr(sys.modules.get(module), class_name, None)
    if not inspect.isclass(cls):
        return {}
    defaults: dict[str, object] = {}
    for base in cls.__mro__:  # from the class up: what it says itself counts
        if "__init__" in vars(base):
            for parameter in inspect.signature(base.__init__).parameters.values():
                defaults.setdefault(parameter.name, parameter.default)
    return defaults


def _same(value: object, default: object) -> bool:
    # False == 0 and 1 == 1.0, but the file of an argument that was given keeps it.
    return type(value) is type(default) and value == default
