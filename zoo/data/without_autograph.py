"""Data sets whose functions are traced as they are written."""

from __future__ import annotations

import functools
from collections.abc import Callable

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")


def without_autograph(function: Callable) -> Callable:
    """Decorator of what builds a data set, or of what is given to its `map`.

    TensorFlow rewrites each function of a data set, and all that it calls, so that Python's `if`
    and `for` may be used on tensors. Nothing in this project does that, and the rewriting took a
    third of the time from the import of TensorFlow to the end of a short run.
    """
    @functools.wraps(function)
    def traced_as_written(*args, **keywords):
        return tf.autograph.experimental.do_not_convert(function)(*args, **keywords)

    return traced_as_written
