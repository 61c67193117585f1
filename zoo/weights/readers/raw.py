"""What the readers share: arrays on a file's bytes, and the error for bytes that contradict it."""

from __future__ import annotations

import ml_dtypes
import numpy as np


class Damaged(ValueError):
    """What the file says of itself is not so; a new download may help."""


def array(data: bytes, dtype: str, count: int, offset: int = 0) -> np.ndarray:
    """The `count` little-endian numbers at byte `offset` of `data`, `widened`.

    dtype: numpy's name, or "bfloat16". The result is a read-only view where nothing is widened.

    Raises:
      Damaged: `data` ends before them.
    """
    kind = np.dtype(dtype)
    if not 0 <= count * kind.itemsize <= len(data) - offset:
        raise Damaged(
            f"got {max(len(data) - offset, 0)} bytes at byte {offset}; expected those of "
            f"{count} numbers of {dtype}"
        )
    return widened(np.frombuffer(data, kind, count, offset))


def widened(values: np.ndarray) -> np.ndarray:
    """float16 and bfloat16 as float32, anything else as it is."""
    return values.astype(np.float32) if values.dtype in (np.float16, ml_dtypes.bfloat16) else values
