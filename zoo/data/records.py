"""TFRecord files by index: where each record starts is noted once, then any can be read.

Reading in the order of a permutation is what an image folder does, too; it shuffles fully, needs no
buffer, and a resumed run starts at once where it was. The price: the files have to be on a disk
with fast random access, an SSD, so remote file systems are refused.

A record is: length uint64, checksum of it, the bytes, checksum of them. Counting reads the lengths
alone, which have to add up to the file.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Callable, Sequence

from zoo.data.splits import on_host
from zoo.lazy import lazy_module
from zoo.progress import with_progress

np = lazy_module("numpy")
tf = lazy_module("tensorflow")

_HEADER, _FOOTER = 12, 4


@dataclasses.dataclass(frozen=True, eq=False)
class RecordSplit:
    """Records of TFRecord files.

    files: paths; file_of: int32 [N], the file of each record; starts, lengths: int64 [N], its
    bytes there; parse: serialized string scalar -> (image file's bytes string scalar, label int32
    scalar), in a graph; orientation: one of `zoo.data.orientation.CHOICES`.
    """

    files: tuple[str, ...]
    file_of: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    parse: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
    orientation: str = "exif"
    encoded = True

    @property
    def num_examples(self) -> int:
        return len(self.starts)

    def read(self, index: int) -> bytes:
        """Returns the serialized record."""
        # Opened anew each time: ImageNet's 1,152 files would exceed the usual limit on open ones.
        # All three calls release Python's lock.
        file = os.open(self.files[self.file_of[index]], os.O_RDONLY)
        try:
            return os.pread(file, int(self.lengths[index]), int(self.starts[index]))
        finally:
            os.close(file)

    @functools.cached_property
    def _tensors(self) -> tuple[tf.Tensor, ...]:
        """Files, string [F,1]; the file and offset of each record, int32 [N] and int64 [N,1]."""
        files, offsets = np.array(self.files, object)[:, None], self.starts[:, None] - _HEADER
        return tuple(map(on_host, (files, self.file_of, offsets)))

    def _place(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        files, file_of, offsets = self._tensors
        return tf.gather(files, tf.gather(file_of, index)), tf.gather(offsets, index)

    def example(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        file, offset = self._place(index)
        # The op under tf.data.TFRecordDataset, which alone takes offsets; it checks the checksums.
        # Unbuffered: a buffer would read on into the next records.
        records = tf.raw_ops.TFRecordDatasetV2(
            filenames=file, compression_type="", buffer_size=tf.constant(0, tf.int64),
            byte_offsets=offset,
        )
        records = tf.data.experimental.from_variant(records, tf.TensorSpec([], tf.string))
        return self.parse(records.take(1).get_single_element())

    def name(self, index: tf.Tensor) -> tf.Tensor:
        [file], [offset] = map(tf.unstack, self._place(index))
        return tf.strings.join([file, " record at byte ", tf.strings.as_string(offset)])

    def row_name(self, index: int) -> str:
        """Returns the file and the position of a record in it."""
        return f"{self.files[self.file_of[index]]} record at byte {self.starts[index] - _HEADER}"

    def subset(self, rows: np.ndarray) -> RecordSplit:
        return dataclasses.replace(
            self, file_of=self.file_of[rows], starts=self.starts[rows], lengths=self.lengths[rows]
        )


def open_files(
    files: Sequence[str], parse: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
) -> RecordSplit:
    """Finds the records of `files`, in order, without reading what they hold.

    Raises:
      ValueError: a file that is truncated or holds something else, or no record at all.
    """
    with concurrent.futures.ThreadPoolExecutor(min(16, 4 * (os.cpu_count() or 1))) as pool:
        spans = with_progress(pool.map(_spans, files), len(files), "counting records, files")
        spans = list(spans)
    if not sum(map(len, spans)):
        raise ValueError(f"{files[0]} and the {len(files) - 1} files with it hold no record")
    together = np.concatenate(spans)
    counts = [len(span) for span in spans]
    return RecordSplit(
        files=tuple(files),
        file_of=np.repeat(np.arange(len(files), dtype=np.int32), counts),
        starts=together[:, 0],
        lengths=together[:, 1],
        parse=parse,
    )


def _spans(path: str) -> np.ndarray:
    """Returns int64 [records, 2]: the start and length of each record's bytes."""
    spans = []
    file = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(file).st_size
        # Only every record's first 12 bytes are read: reading ahead would read the whole file.
        if hasattr(os, "posix_fadvise"):  # not on macOS
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
        position = 0
        while position < size:
            header = os.pread(file, _HEADER, position)
            length = int.from_bytes(header[:8], "little")
            end = position + _HEADER + length + _FOOTER
            if len(header) < _HEADER or end > size:
                compression = _compression(os.pread(file, 2, 0))
                if compression and not spans:
                    raise ValueError(f"{path} is compressed with {compression}; expected plain "
                                     "records, which can be read in any order: unpack it"
                                     f"{' with gunzip' * (compression == 'GZIP')}")
                raise ValueError(f"{path} is truncated or no TFRecord file: record {len(spans)} "
                                 f"at byte {position} should end at {end}, the file at {size}")
            spans.append((position + _HEADER, length))
            position = end
    finally:
        os.close(file)
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def _compression(start: bytes) -> str:
    """What TensorFlow calls the compression of a file that begins so; "" for none."""
    if start == b"\x1f\x8b":
        return "GZIP"
    # RFC 1950: deflate with any window, and a check that divides by 31.
    first = int.from_bytes(start[:1], "big")
    is_zlib = first & 15 == 8 and first < 128 and int.from_bytes(start, "big") % 31 == 0
    return "ZLIB" if is_zlib else ""
