"""Which operations draw windows out of training images, and resize them, on the host.

    native      compiled by Numba for this processor (zoo/data/native/): the faster ones, see
                docs/measurements/host_ops.md
    tensorflow  made of TensorFlow's own (zoo/data/tensorflow_ops.py): they run wherever
                TensorFlow does
    auto        native where it can be had, else tensorflow

Both give the same windows, and pixels that differ by at most one level of 0..255. Evaluation uses
neither: see center_crop.py.
"""

from __future__ import annotations

import functools
import importlib
import types

CHOICES = ("auto", "native", "tensorflow")


def choose(wanted: str) -> tuple[str, str]:
    """Returns the operations to use, "native" or "tensorflow", and why not what `auto` prefers.

    The reason is one line for the user, or empty where there is nothing to tell.

    Args:
      wanted: one of `CHOICES`.

    Raises:
      ValueError: another text, or "native" where it cannot be had.
    """
    if wanted not in CHOICES:
        raise ValueError(f"unknown host_ops, got {wanted!r}; expected one of {list(CHOICES)}")
    if wanted == "tensorflow":
        return "tensorflow", ""
    missing = _what_native_lacks()
    if not missing:
        return "native", ""
    if wanted == "native":
        raise ValueError(f"host_ops cannot be native here ({missing}); expected auto or tensorflow")
    return "tensorflow", (
        f"host operations: TensorFlow's own, because the native ones cannot be had ({missing})"
    )


@functools.cache
def load_ops(wanted: str) -> types.ModuleType:
    """Returns the module that `choose` chooses; the native one is compiled once a machine.

    It has three functions: `random_resized_window`, `jpeg_part` and `resample`.

    Raises:
      ValueError: as `choose`, or the compiling or registering of the native operations fails.
    """
    chosen, _ = choose(wanted)
    if chosen == "tensorflow":
        return importlib.import_module("zoo.data.tensorflow_ops")
    try:
        return importlib.import_module("zoo.data.native.ops")
    except Exception as error:  # of whatever kind: Numba, LLVM and TensorFlow have many
        raise ValueError(f"the native host operations fail ({_in_one_line(error)}); expected "
                         "host_ops=tensorflow") from error


@functools.cache
def _what_native_lacks() -> str:
    """Why the native operations cannot be had in this process; empty where they can."""
    try:
        # Finds Numba and TensorFlow's library; compiles nothing yet.
        importlib.import_module("zoo.data.native.c_api")
    except Exception as error:  # a Numba that does not fit this NumPy raises what it likes
        return _in_one_line(error)
    return ""


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
