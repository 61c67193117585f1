"""The dictionary of tensors in a checkpoint, among what else a training keeps in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.weights.readers.pickled import Tensor

# Keys under which it mostly is; averaged weights before the last ones.
_USUAL = (
    "state_dict_ema", "model_ema", "ema_state_dict", "params_ema", "ema", "state_dict",
    "model_state_dict", "model", "net", "weights", "params",
)
_MOST_NESTED = 4
_TOP = "."  # how the checkpoint itself is called, where it is a dictionary of tensors


def find(checkpoint: Any, key: str = "") -> dict[str, Tensor]:
    """The tensors of the dictionary `key` in a checkpoint; what else is in that is left out.

    key: "/" between the keys on the way; "": the checkpoint's only dictionary of tensors, or the
        first of the usual keys.

    Raises:
      ValueError: no such dictionary, or several of which none has a usual key; it lists them.
    """
    found = dict(_dictionaries(checkpoint))
    if not found:
        raise ValueError("got a pickle that holds no state dict; expected name -> tensor, alone or "
                         "in dictionaries")
    there_are = ", ".join(f"{name!r} ({len(tensors)})" for name, tensors in found.items())[:500]
    if key:
        if key not in found:
            raise ValueError(f"got #{key}; expected one of its dictionaries of tensors: "
                             f"{there_are}")
        return found[key]
    if len(found) == 1:
        return next(iter(found.values()))
    if usual := next((name for name in _USUAL if name in found), None):
        return found[usual]
    raise ValueError(
        f"got several dictionaries of tensors: {there_are}; expected one of them behind the "
        "file's name, as FILE#KEY"
    )


def _dictionaries(
    value: Any, path: str = "", depth: int = _MOST_NESTED
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Those with tensors, by their path. An optimizer's have numbers for keys, and are none."""
    if not isinstance(value, dict) or depth == 0:
        return
    named = {key: part for key, part in value.items() if isinstance(key, str)}
    tensors = {key: part for key, part in named.items() if isinstance(part, Tensor)}
    if tensors:
        yield path or _TOP, tensors
    for key, part in named.items():
        yield from _dictionaries(part, f"{path}/{key}" if path else key, depth - 1)
