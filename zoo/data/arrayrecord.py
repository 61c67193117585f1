"""`arrayrecord:PATTERN`: ArrayRecord files of tf.train.Example, with the options of `tfrecord`.

Each record is found by its number, through the package array-record. TFDS writes such files with
file_format=array_record: `tfds:NAME` reads those, too.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from zoo.data import tfrecord
from zoo.data.read_split import ReadSplit
from zoo.data.splits import Source
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
else:
    np = lazy_module("numpy")

_MOST_OPEN = 64


def open_array_records(pattern: str, *, only: str = "", **options: Any) -> Source:
    """As `zoo.data.tfrecord.open_records`, of ArrayRecord files."""
    return tfrecord.open_records(
        pattern, **options, only=only, kind="arrayrecord", opened_by=open_files
    )


def open_files(
    files: Sequence[str], parse: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
) -> ReadSplit:
    """All records of `files`, in order.

    Raises:
      ValueError: array-record is not installed, a file that is none of its files, or no record.
    """
    readers = _Readers()
    counts = [readers.count(path) for path in files]
    if not sum(counts):
        raise ValueError(f"{files[0]} and the {len(files) - 1} files with it hold no record")
    return ReadSplit(
        files=tuple(files),
        file_of=np.repeat(np.arange(len(files), dtype=np.int32), counts),
        rows=np.concatenate([np.arange(count) for count in counts]),
        reader=readers.read,
        parse=parse,
    )


class _Readers:
    """Open files, the `_MOST_OPEN` that were used last."""

    def __init__(self):
        self._open: collections.OrderedDict[str, Any] = collections.OrderedDict()
        self._lock = threading.Lock()

    def count(self, path: str) -> int:
        """The number of records."""
        with self._lock:
            return self._reader(path).num_records()

    def read(self, path: str, row: int) -> bytes:
        # Under the lock: a reader has one position.
        with self._lock:
            [record] = self._reader(path).read([row])
        return record

    def _reader(self, path: str) -> Any:
        if path not in self._open:
            try:
                from array_record.python import array_record_module
            except ImportError as error:
                raise ValueError("arrayrecord needs the package array-record: "
                                 "pip install 'keras-reference-zoo[sets]'") from error
            reader = array_record_module.ArrayRecordReader(path)
            if not reader.ok():
                raise ValueError(f"{path} is truncated or no ArrayRecord file; expected what TFDS "
                                 "writes with --file_format=array_record")
            self._open[path] = reader
            if len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        return self._open[path]
