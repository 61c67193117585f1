"""What a data set is known again by: of each split how many examples there are, and a digest.

No image file is read for it. The digest is of

    arrays in memory   their values and labels
    image files        names below the folder that all share, labels, and sizes, of at most
                       MOST_SIZES of them: a file server answers each question in a third of a
                       millisecond
    TFRecord files     the files' names, and where each record lies
    other files of     their names and sizes, the places of the examples in them, and labels, where
    many examples      the file says those without being read
    any other split    its labels, where it has some
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
from collections.abc import Iterator, Mapping

from zoo.data.read_split import ReadSplit
from zoo.data.records import RecordSplit
from zoo.data.splits import ArraySplit, FileSplit, RaggedSplit, Split
from zoo.lazy import lazy_module

np = lazy_module("numpy")

MOST_SIZES = 100_000
_BLOCK = 10_000  # names hashed at once
_THREADS = 16  # that wait for a file server


def contents_of(splits: Mapping[str, Split]) -> dict[str, dict]:
    """By split: {"images": their number, "digest": 32 hexadecimal digits}."""
    return {
        name: {"images": split.num_examples, "digest": _digest(split)}
        for name, split in splits.items()
    }


def _digest(split: Split) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in _parts(split):
        # Its length too, so that nothing moves from one part into the next unseen.
        digest.update(f"{part.dtype.str}{part.shape}".encode())
        digest.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8))
    return digest.hexdigest()


def _parts(split: Split) -> Iterator[np.ndarray]:
    if isinstance(split, ArraySplit):
        yield split.images
    elif isinstance(split, RaggedSplit):
        yield from (split.buffer, split.starts, split.shapes)
    elif isinstance(split, FileSplit):
        yield from _names(list(split.paths))
        yield _sizes(split.paths)
    elif isinstance(split, RecordSplit):
        yield from _names([os.path.basename(path) for path in split.files])
        yield from (split.file_of, split.starts, split.lengths)
    elif isinstance(split, ReadSplit):
        yield from _names([os.path.basename(path) for path in split.files])
        yield from (_sizes(np.array(split.files, object)), split.file_of, split.rows)
    if getattr(split, "labels", None) is not None:
        yield np.asarray(split.labels)


def _names(paths: list[str]) -> Iterator[np.ndarray]:
    # A set that has been moved as a whole is still the same.
    start = len(os.path.dirname(os.path.commonprefix(paths)))
    for first in range(0, len(paths), _BLOCK):
        text = "\0".join(path[start:] for path in paths[first : first + _BLOCK])
        yield np.frombuffer(os.fsencode(text), np.uint8)


def _sizes(paths: np.ndarray) -> np.ndarray:
    """int64: in bytes, -1 where there is no file."""
    rows = np.linspace(0, len(paths) - 1, min(len(paths), MOST_SIZES)).astype(np.int64)
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        blocks = pool.map(_sizes_of, np.array_split(paths[rows], len(rows) // _BLOCK + _THREADS))
        return np.concatenate(list(blocks))


def _sizes_of(paths: np.ndarray) -> np.ndarray:
    return np.fromiter(map(_size, paths), np.int64, count=len(paths))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return -1
