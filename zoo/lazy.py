"""Modules that load at their first use, so that `import zoo` and `--help` stay instant."""

from __future__ import annotations

import importlib
import types


class _LazyModule(types.ModuleType):
    """Stands for a module; reading an attribute imports it.

    importlib.util.LazyLoader puts its stand-in into sys.modules, where `import tensorflow` looks
    over all modules' attributes: that loads Keras in the middle of TensorFlow and leaves it half
    loaded for good. This one is known to nobody but the module that asked for it.
    """

    def __getattr__(self, attribute: str) -> object:
        return getattr(importlib.import_module(self.__name__), attribute)


def lazy_module(name: str) -> types.ModuleType:
    """Returns a stand-in for the module `name`, which is imported at the first use.

    With `from __future__ import annotations` type annotations are no use. A package that is missing
    is found out at the first use, too: on Keras' other backends much works without TensorFlow.
    """
    return _LazyModule(name)
