"""Images that are in two splits of a set: what a network has seen, it knows."""

from __future__ import annotations

import collections
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping

from zoo.data.autotuning import without_autotuning
from zoo.data.splits import ArraySplit, FileSplit, Split
from zoo.data.without_autograph import without_autograph
from zoo.lazy import lazy_module
from zoo.printable import visible

tf = lazy_module("tensorflow")

# Larger sets are not looked through: their makers have, and it takes a question to the disk a file.
MOST_IMAGES = 100_000
# Records, which have to be read for it: about a second.
MOST_BYTES = 2**28
_SAMPLE = 100  # images, from which the bytes of all are estimated
_BLOCK = 2**20


def tell_duplicates(splits: Mapping[str, Split]) -> None:
    """Says in a line, on standard error, how many images of two splits are the same to the byte."""
    others = [name for name in ("validation", "test") if name in splits]
    if "train" not in splits:
        return
    found = duplicates(splits["train"], *(splits[name] for name in others))
    for name, pairs in zip(others, found, strict=True):
        if pairs:
            first, second = map(visible, pairs[0])
            print(f"{len(pairs)} of the {name} images are also among those to train on, as "
                  f"{second}, which is {first}: remove one of each, or the accuracy counts "
                  "what was learned by heart", file=sys.stderr, flush=True)


def duplicates(one: Split, *others: Split) -> list[list[tuple[str, str]]]:
    """For each of `others` a list of (an image of `one`, an image of it with the same bytes).

    An image is told by its file, or its number in the split, "image 7". The same bytes are those of
    image files, or decoded pixels where a set holds these. Nothing is found in more than
    MOST_IMAGES images; of records also in more than about MOST_BYTES. An image that cannot be read
    is none.
    """
    splits = (one, *others)
    if sum(split.num_examples for split in splits) > MOST_IMAGES:
        return [[] for _ in others]
    if all(isinstance(split, FileSplit) for split in splits):
        return [_of_files(one, other) for other in others]
    if sum(map(_estimated_bytes, splits)) > MOST_BYTES:
        return [[] for _ in others]
    places = {digest: place for place, digest, _ in _digests(one)}
    return [
        [
            (f"image {places[digest]} of them", f"image {place}")
            for place, digest, _ in _digests(other) if digest in places
        ]
        for other in others
    ]


def _of_files(one: FileSplit, other: FileSplit) -> list[tuple[str, str]]:
    """Only files whose length is in both are read."""
    by_size = collections.defaultdict(list)
    for path in one.paths:
        by_size[_size(path)].append(path)
    found = []
    for path in other.paths:
        same_size = by_size.get(_size(path), ())
        if same_size and _size(path) > 0:
            digest = _digest(path)
            same = next((each for each in same_size if _digest(each) == digest), None)
            if same is not None:
                found.append((same, path))
    return found


def _estimated_bytes(split: Split) -> int:
    """Of all its images, from the first ones."""
    sizes = [size for _, _, size in _digests(split, _SAMPLE)]
    return sum(sizes) * split.num_examples // max(len(sizes), 1)


def _digests(split: Split, most: int = MOST_IMAGES) -> Iterator[tuple[int, bytes, int]]:
    """(place, digest, bytes) of the first `most` images."""
    most = min(most, split.num_examples)
    # A damaged record is told where it is used. An array is faster without a data set.
    images = enumerate(split.images[:most]) if isinstance(split, ArraySplit) else (
        without_autotuning(_read(split, most).ignore_errors()).as_numpy_iterator()
    )
    for place, image in images:
        shape = str(getattr(image, "shape", "")).encode()  # of pixels: bytes do not tell it
        data = image if isinstance(image, bytes) else image.tobytes()
        yield int(place), hashlib.blake2b(shape + data, digest_size=16).digest(), len(data)


@without_autograph
def _read(split: Split, count: int) -> tf.data.Dataset:
    return tf.data.Dataset.range(count).map(
        lambda index: (index, split.example(index)[0]), num_parallel_calls=tf.data.AUTOTUNE
    )


def _size(path: str) -> int:
    """Bytes; -1 for what is no file, which is told when it is read."""
    return os.path.getsize(path) if os.path.isfile(path) else -1


def _digest(path: str) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()
