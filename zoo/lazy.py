"""Modules that load at their first use, so that `import zoo` and `--help` stay instant."""

from __future__ import annotations

import importlib
import importlib.util
import types


class _LazyModule(types.ModuleType):
    """Stands for a module; reading an attribute imports it.

    importlib.util.LazyLoader puts its stand-in into sys.modules, where `import tensorflow` looks
    over all modules' attributes: that loads Keras in the middle of TensorFlow and leaves it half
    loaded for good. This one is known to nobody but the module that asked for it.
    """

    def __getattr__(self, attribute: str) -> object:
        return getattr(importlib.import_module(self.__name__), attribute)


def lazy_module(name: str, *, optional: bool = False) -> types.ModuleType:
    """Returns a stand-in for the module `name`, which is imported at the first use.

    With `from __future__ import annotations` type annotations are no use.
    optional: the package may be missing as long as nothing is used of it.

    Raises:
      ModuleNotFoundError: there is no such package (found out at once, not at the first use, unless
        it is optional).
    """
    # Of the package alone: to look for a part of it would import it.
    if not optional and importlib.util.find_spec(name.partition(".")[0]) is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _LazyModule(name)
