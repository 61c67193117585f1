"""`.safetensors`: a JSON header, then the tensors' bytes; the package `safetensors` reads it."""

from __future__ import annotations

import os

import numpy as np

from zoo.lazy import lazy_module
from zoo.weights.readers.raw import Damaged, widened

safetensors = lazy_module("safetensors")

# Those that numpy has, and bfloat16: the package finds it once ml_dtypes is imported (raw.py).
_DTYPES = (
    "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL",
)

_LONGEST_HEADER = 100_000_000  # the format's limit, bytes


def is_header(head: bytes) -> bool:
    """True for how such a file begins: the header's length (uint64), and a JSON object."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _LONGEST_HEADER


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Name -> array; one copy of the file's bytes, float16 and bfloat16 widened to float32.

    Raises:
      Damaged: header and length of the file do not agree.
      ValueError: a tensor of 8-bit or smaller floats, or of complex numbers.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            for name in file.keys():
                dtype = file.get_slice(name).get_dtype()
                if dtype not in _DTYPES:
                    raise ValueError(
                        f"tensor {name!r:.80} is of type {dtype}; expected one of {list(_DTYPES)}"
                    )
            return {name: widened(file.get_tensor(name)) for name in file.keys()}
    except safetensors.SafetensorError as error:
        raise Damaged(str(error)) from error
