"""Examples that a Python function reads out of files, one at a time, in any order."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.data.splits import on_host
from zoo.lazy import lazy_module

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
else:
    np = lazy_module("numpy")
    tf = lazy_module("tensorflow")


@dataclasses.dataclass(frozen=True, eq=False)
class ReadSplit:
    """What formats with a reader of their own hold.

    files: paths; file_of: int32 [N], the file of each example; rows: int64 [N], its place there;
    reader: (path, row) -> bytes, called in threads; orientation: one of
    `zoo.data.orientation.CHOICES`. Of `labels`, int32 [N], and `parse`, as of
    `zoo.data.records.RecordSplit`, one is there: what is read is an image file, or a record.
    """

    files: tuple[str, ...]
    file_of: np.ndarray
    rows: np.ndarray
    reader: Callable[[str, int], bytes]
    labels: np.ndarray | None = None
    parse: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]] | None = None
    orientation: str = "exif"
    encoded = True

    @property
    def num_examples(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> bytes:
        """What the file holds at an example."""
        return self.reader(self.files[self.file_of[index]], int(self.rows[index]))

    @functools.cached_property
    def _tensors(self) -> tuple[tf.Tensor, ...]:
        return tuple(map(on_host, (np.array(self.files, object), self.file_of, self.rows)))

    @functools.cached_property
    def _label_tensor(self) -> tf.Tensor:
        return on_host(self.labels)

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        read = tf.numpy_function(lambda index: self.read(int(index)), [index], tf.string)
        read.set_shape([])
        if self.labels is None:
            return self.parse(read)
        return read, tf.gather(self._label_tensor, index)

    def name(self, index: tf.Tensor) -> tf.Tensor:
        files, file_of, rows = self._tensors
        row = tf.strings.as_string(tf.gather(rows, index))
        return tf.strings.join([tf.gather(files, tf.gather(file_of, index)), " row ", row])

    def row_name(self, index: int) -> str:
        """The file of an example and its place there."""
        return f"{self.files[self.file_of[index]]} row {self.rows[index]}"

    def subset(self, rows: np.ndarray) -> ReadSplit:
        labels = None if self.labels is None else self.labels[rows]
        return dataclasses.replace(
            self, file_of=self.file_of[rows], rows=self.rows[rows], labels=labels
        )
