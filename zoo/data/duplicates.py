"""Images that are in two splits of a set: what a network has seen, it knows."""

from __future__ import annotations

import collections
import hashlib
import os
import sys
from collections.abc import Mapping

from zoo.data.splits import FileSplit, Split
from zoo.printable import visible

# Larger sets are not looked through: their makers have, and it takes a question to the disk a file.
MOST_FILES = 100_000
_BLOCK = 2**20


def tell_duplicates(splits: Mapping[str, Split]) -> None:
    """Says in a line, on standard error, how many images of two splits are the same to the byte."""
    for one, other in (("train", "validation"), ("train", "test")):
        if one in splits and other in splits:
            pairs = duplicates(splits[one], splits[other])
            if pairs:
                first, second = map(visible, pairs[0])
                print(f"{len(pairs)} of the {other} images are also among those to train on, as "
                      f"{second}, which is {first}: remove one of each, or the accuracy counts "
                      "what was learned by heart", file=sys.stderr, flush=True)


def duplicates(one: FileSplit, other: FileSplit) -> list[tuple[str, str]]:
    """(a file of `one`, a file of `other` with the same bytes), a pair for each such of `other`.

    Only files whose length is in both are read. [] for sets of more than MOST_FILES.
    """
    if one.num_examples + other.num_examples > MOST_FILES:
        return []
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


def _size(path: str) -> int:
    """Bytes; -1 for what is no file, which is told when it is read."""
    return os.path.getsize(path) if os.path.isfile(path) else -1


def _digest(path: str) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()
