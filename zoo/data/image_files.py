"""The image files in and under a folder, and what is left out there, counted by reason.

A file's content decides. To look into a million files takes minutes, so a name that ends as those
of images do is believed here, and found out when the file is decoded (bad_images.py); every other
file is looked into. Files that are not regular ones, as pipes, are never opened.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import os
from collections.abc import Iterable, Iterator

from zoo.data.image_format import READ, START, format_of

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp")
HIDDEN, NO_IMAGE = "hidden", "no image"
_THREADS = 16  # that wait for a disk or a file server


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """Files, or links, that are no images to be used. first: the path of one of them."""

    reason: str
    count: int
    first: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.count} (as {self.first!r})"


def find_images(folder: str, *, recursive: bool = True) -> tuple[list[str], list[LeftOut]]:
    """The paths of the images, a folder's own sorted by name before those of its sub-folders.

    recursive: whether sub-folders are looked into, those behind links too.

    Raises:
      OSError: a folder that cannot be read.
    """
    found = list(_files(folder, recursive, {_identity(folder)}))
    unknown = [path for path, reason in found if reason is None]
    if unknown:
        with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
            looked = dict(zip(unknown, pool.map(_reason, unknown), strict=True))
        found = [(path, looked[path] if reason is None else reason) for path, reason in found]
    return [path for path, reason in found if not reason], count_left_out(found)


def count_left_out(found: Iterable[tuple[str, str]]) -> list[LeftOut]:
    """found: (path, reason), the reason empty where the file is used."""
    counts, first = collections.Counter(), {}
    for path, reason in found:
        if reason:
            counts[reason] += 1
            first.setdefault(reason, path)
    return [LeftOut(reason, count, first[reason]) for reason, count in counts.items()]


def merge(left_out: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """One for each reason, the most frequent first."""
    merged: dict[str, LeftOut] = {}
    for one in left_out:
        before = merged.get(one.reason, dataclasses.replace(one, count=0))
        merged[one.reason] = dataclasses.replace(before, count=before.count + one.count)
    return tuple(sorted(merged.values(), key=lambda one: (-one.count, one.reason)))


def describe(left_out: Iterable[LeftOut]) -> str:
    """One line, as "left out: hidden: 3 (as 'a/.b'); empty: 1 (as 'a/c')"."""
    return f"left out: {'; '.join(map(str, left_out))}"


def _files(path: str, recursive: bool, above: set) -> Iterator[tuple[str, str | None]]:
    """(path, reason why it is left out), the reason "" for an image, None for what is not known.

    above: the identities of the folders that this one is in, and its own.
    """
    with os.scandir(path) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    folders = []
    for entry in ordered:
        if entry.name.startswith("."):
            yield entry.path, HIDDEN
        elif entry.is_symlink() and not os.path.exists(entry.path):
            yield entry.path, "broken link"
        elif entry.is_dir():
            folders.append(entry.path)
        elif not entry.is_file():
            yield entry.path, "no regular file"
        else:
            yield entry.path, "" if entry.name.lower().endswith(SUFFIXES) else None
    for folder in folders:
        identity = _identity(folder)
        if not recursive:
            yield folder, "sub-folder, with recursive=false"
        elif identity in above:
            yield folder, "link to a folder that it is in"
        else:
            yield from _files(folder, recursive, {*above, identity})


def _identity(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _reason(path: str) -> str:
    try:
        with open(path, "rb") as file:
            start = file.read(START)
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    kind = format_of(start)
    if kind in READ:
        return ""
    if kind:
        return f"{kind}, which is not read"
    return NO_IMAGE if start else "empty"
