"""PyTorch's pickles, in which names, numbers and dictionaries are read and nothing is run.

Unpickling may run anything that Python can import. Here the pickle finds a fixed list of names,
which build records out of numbers and strings, or stand for what no weights are; any other name
is an error, and nothing is imported or called. The unpickler is Python's own in Python: in the one
in C a pickle chooses what is hashed (a key of nested tuples overflows the stack, or takes for ever)
and how long the memo is.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

from zoo.weights.readers.raw import Damaged

_MOST_DIMENSIONS = 64  # numpy's limit
_MOST = 2**63  # of a count
# Those of a call are copied at each call: many calls with one long tuple would take for ever.
_MOST_ARGUMENTS = 32


class Storage(NamedTuple):
    """Numbers of one type in a row, elsewhere in the file."""

    dtype: str
    key: str
    count: int


class Tensor(NamedTuple):
    """A view of a storage, all of whose numbers lie inside of it; at most as many as it has."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def unpickle(stream: io.BytesIO) -> tuple[Any, dict[str, Storage]]:
    """What the pickle at the stream's position holds, and its storages by key.

    Of dictionaries, lists, tuples, numbers, texts, `Tensor`s and `Other`s. The time is that of the
    pickle's length.

    Raises:
      Damaged: no pickle, or one that contradicts itself.
      ValueError: it asks for what is no part of plain weights.
    """
    try:
        unpickler = _Unpickler(stream, encoding="utf-8")  # for strings of Python 2
        return unpickler.load(), unpickler.storages
    except (Damaged, _Refused):
        raise
    except Exception as error:  # broken pickles raise anything, says pickle's documentation
        raise Damaged(f"its pickle: {type(error).__name__}: {error}") from error


class _Refused(ValueError):
    """The pickle asks for what is no part of plain weights."""


class _Dict(dict):
    """Any dictionary or namespace of a pickle: attributes that it sets are ignored."""

    __slots__ = ()

    def __init__(self, pairs: list[Any] | None = None) -> None:
        """pairs: Python 2's [[key, value], ...]; emptied, so that many cannot be made of one."""
        if pairs is not None and not isinstance(pairs, list):
            raise Damaged(f"its pickle makes a dictionary of a {type(pairs).__name__}")
        for key, value in pairs or ():
            self[key] = value
        if pairs:
            pairs.clear()

    def __setitem__(self, key: Any, value: Any) -> None:
        is_small = not isinstance(key, int) or abs(key) < _MOST
        if not isinstance(key, (str, int, float, bytes, type(None))) or not is_small:
            raise Damaged(f"its pickle has a key of type {type(key).__name__}")
        super().__setitem__(key, value)

    def __setstate__(self, state: Any) -> None:
        pass


class Other:
    """What is no weight and is left out: a number of numpy's, a counter, a device."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def _ignore(self, *_: Any) -> None:
        pass

    __setitem__ = append = extend = add = _ignore


class _Builder(NamedTuple):
    """A function of which a pickle can set no attribute."""

    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class _Unpickler(pickle._Unpickler):
    """Finds the names of `_NAMES` only; storages become records; sets are left out."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, stream: io.BytesIO, encoding: str) -> None:
        super().__init__(stream, encoding=encoding)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        found = _NAMES.get(f"{module}.{name}")
        if found is None:
            raise _Refused(
                f"its pickle asks for {f'{module}.{name}'!r:.120}, which was not loaded: pickles "
                "can run anything; expected torch.save(model.state_dict(), ...)"
            )
        return found

    def persistent_load(self, pid: Any) -> Storage:
        match pid:
            case ("storage", str(dtype), str(key), _, count) | (
                "storage", str(dtype), str(key), _, count, None
            ) if dtype in _STORAGES.values() and _is_count(count):
                storage = Storage(dtype, key, count)
                if self.storages.setdefault(key, storage) == storage:
                    return storage
        raise Damaged("its pickle names a storage; expected type, key, device and count, each once")

    def _load_empty_dict(self) -> None:
        self.append(_Dict())

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.append(_Dict(list(zip(items[::2], items[1::2], strict=True))))

    def _load_empty_set(self) -> None:
        self.append(Other())

    def _load_frozenset(self) -> None:
        self.pop_mark()
        self.append(Other())

    def _load_call(self) -> None:
        if len(self.stack[-1]) > _MOST_ARGUMENTS:
            raise Damaged(f"its pickle calls something with {len(self.stack[-1])} arguments")
        self.load_reduce()

    def _load_call_by_name(self) -> None:
        raise Damaged("its pickle makes an object with arguments by name")

    for _opcode, _load in {
        pickle.EMPTY_DICT: _load_empty_dict, pickle.DICT: _load_dict,
        pickle.EMPTY_SET: _load_empty_set, pickle.FROZENSET: _load_frozenset,
        pickle.REDUCE: _load_call, pickle.NEWOBJ: _load_call, pickle.NEWOBJ_EX: _load_call_by_name,
    }.items():
        dispatch[_opcode[0]] = _load


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number < _MOST


def _build_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    """Both of PyTorch's forms; what follows is about gradients."""
    if (
        not isinstance(storage, Storage)
        or not (isinstance(size, tuple) and isinstance(stride, tuple))
        or not len(size) == len(stride) <= _MOST_DIMENSIONS
        or not all(map(_is_count, (offset, *size, *stride)))
    ):
        raise Damaged("its pickle builds a tensor from something else than a storage and counts")
    end = 1 + offset + sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    # An expanded tensor (stride 0) is more numbers than its storage: nobody's weights are.
    if 0 not in size and max(end, math.prod(size)) > storage.count:
        raise Damaged(
            f"got a tensor of shape {size!s:.80} up to number {end} of its storage; "
            f"expected at most {storage.count}"
        )
    return Tensor(storage, offset, size, stride)


def _build_size(size: Any) -> tuple[Any, ...]:
    if not isinstance(size, tuple):  # a copy of another kind would cost time at each call
        raise Damaged(f"its pickle makes a size of a {type(size).__name__}")
    return size


def _build_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


_STORAGES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool",
}
_NAMES: dict[str, Any] = {
    "collections.OrderedDict": _Dict,
    "torch._utils._rebuild_tensor": _Builder(_build_tensor),
    "torch._utils._rebuild_tensor_v2": _Builder(_build_tensor),
    "torch._utils._rebuild_parameter": _Builder(_build_parameter),
    "torch.Size": _Builder(_build_size),
    "argparse.Namespace": _Dict,  # a training checkpoint's options
    **{f"torch.{name}Storage": dtype for name, dtype in _STORAGES.items()},
    **{f"torch.{dtype}": dtype for dtype in _STORAGES.values()},
    # An accuracy or a schedule beside the weights, and what numpy 1 and 2 make of a number.
    **dict.fromkeys((
        "torch.device", "collections.Counter", "collections.defaultdict", "builtins.set",
        "builtins.dict", "_codecs.encode", "numpy.dtype", "numpy.ndarray",
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    ), Other),
}
