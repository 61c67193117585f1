"""Sources and their splits: the example at an index, whatever the storage.

A split gives example number i in any order, in a TensorFlow graph. `RecordSplit` in `records.py`
is the fourth kind.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from zoo.data.autotuning import without_autotuning
from zoo.data.class_names import check_class_names
from zoo.data.without_autograph import without_autograph
from zoo.lazy import lazy_module
from zoo.progress import with_progress

if TYPE_CHECKING:
    from zoo.data.bad_images import BadImage
    from zoo.data.image_files import LeftOut

np = lazy_module("numpy")
tf = lazy_module("tensorflow")


class Split(Protocol):
    """The examples of one part of a data set, by index.

    encoded: whether `example` gives the bytes of an image file, or decoded pixels. Where it does,
    `orientation` says how they are decoded, one of `zoo.data.orientation.CHOICES`, and
    `dataclasses.replace` can change it.
    """

    encoded: bool

    @property
    def num_examples(self) -> int: ...

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """index: int64 scalar -> (string scalar or uint8 [H,W,C], label int32 scalar)."""

    def name(self, index: tf.Tensor) -> tf.Tensor:
        """index: int64 scalar -> string scalar: where the example is, for error messages."""

    def subset(self, rows: np.ndarray) -> Split:
        """rows: int [n], the indices of the examples to keep, in their new order."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set.

    name: the kind of source, as "folder".
    class_names: one a label; labels are 0..len(class_names)-1.
    channels: 1 or 3, what its images have.
    splits: "train", "validation" and, where there is one, "test". No example is in two of them.
    skipped: training images that were left out, since they cannot be read.
    left_out: what else lies in a folder of images and was not taken, by reason.
    as_opened: the splits before any image was left out or decoded, as `open_source` sets them.

    Raises:
      ValueError: a class name that is not one line of UTF-8.
    """

    name: str
    class_names: tuple[str, ...]
    channels: int
    splits: Mapping[str, Split]
    skipped: tuple[BadImage, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    as_opened: Mapping[str, Split] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_class_names(self.class_names)


def on_host(array: np.ndarray) -> tf.Tensor:
    """A constant in host memory."""
    # init_scope: the first use may be inside a function that is being traced. The device: arrays
    # must not travel to an accelerator to be sliced there.
    with tf.init_scope(), tf.device("CPU:0"):
        return tf.constant(array)


@dataclasses.dataclass(frozen=True, eq=False)
class ArraySplit:
    """Images of one size in memory. images: uint8 [N,H,W,C], labels: int32 [N]."""

    images: np.ndarray
    labels: np.ndarray
    encoded = False

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def image_tensor(self) -> tf.Tensor:
        """uint8 [N,H,W,C] in host memory."""
        return on_host(self.images)

    @functools.cached_property
    def label_tensor(self) -> tf.Tensor:
        """int32 [N] in host memory."""
        return on_host(self.labels)

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.gather(self.image_tensor, index), tf.gather(self.label_tensor, index)

    def name(self, index: tf.Tensor) -> tf.Tensor:
        return tf.strings.join(["image ", tf.strings.as_string(index)])

    def subset(self, rows: np.ndarray) -> ArraySplit:
        return ArraySplit(self.images[rows], self.labels[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class RaggedSplit:
    """Decoded images of many sizes in one buffer.

    buffer: uint8 [bytes]; starts: int64 [N]; shapes: int32 [N,3], (height, width, channels);
    labels: int32 [N].
    """

    buffer: np.ndarray
    starts: np.ndarray
    shapes: np.ndarray
    labels: np.ndarray
    encoded = False

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def _tensors(self) -> tuple[tf.Tensor, ...]:
        return tuple(map(on_host, (self.buffer, self.starts, self.shapes, self.labels)))

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        buffer, starts, shapes, labels = self._tensors
        start, shape = tf.gather(starts, index), tf.gather(shapes, index)
        stop = start + tf.reduce_prod(tf.cast(shape, tf.int64))
        image = tf.reshape(buffer[start:stop], shape)
        image.set_shape([None, None, int(self.shapes[0, 2])])
        return image, tf.gather(labels, index)

    def name(self, index: tf.Tensor) -> tf.Tensor:
        return tf.strings.join(["image ", tf.strings.as_string(index)])

    def subset(self, rows: np.ndarray) -> RaggedSplit:
        return RaggedSplit(self.buffer, self.starts[rows], self.shapes[rows], self.labels[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class FileSplit:
    """One image file an example.

    paths: object [N] of str; labels: int32 [N]; orientation: one of `orientation.CHOICES`.
    """

    paths: np.ndarray
    labels: np.ndarray
    orientation: str = "exif"
    encoded = True

    @property
    def num_examples(self) -> int:
        return len(self.labels)

    @functools.cached_property
    def _tensors(self) -> tuple[tf.Tensor, tf.Tensor]:
        # Bytes: a file's name need not be UTF-8.
        paths = np.array([os.fsencode(path) for path in self.paths], object)
        return on_host(paths), on_host(self.labels)

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        paths, labels = self._tensors
        return tf.io.read_file(tf.gather(paths, index)), tf.gather(labels, index)

    def name(self, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._tensors[0], index)

    def subset(self, rows: np.ndarray) -> FileSplit:
        return dataclasses.replace(self, paths=self.paths[rows], labels=self.labels[rows])


@without_autograph
def read_labels(split: Split) -> np.ndarray:
    """Returns int32 [N]: the labels, which records are read through for, with progress."""
    labels = getattr(split, "labels", None)
    if labels is not None:
        return labels
    read = tf.data.Dataset.range(split.num_examples).map(
        lambda index: split.example(index)[1], num_parallel_calls=tf.data.AUTOTUNE
    )
    labels = without_autotuning(read).as_numpy_iterator()
    read = with_progress(labels, split.num_examples, "reading labels")
    return np.fromiter(read, np.int32, count=split.num_examples)
