"""Zip archives: their members are read into memory, and nothing is written anywhere."""

from __future__ import annotations

import contextlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator

from zoo.weights.readers.raw import Damaged

_MAGIC = b"PK\x03\x04"
_ENCRYPTED = 1  # bit of a member's flags, whatever encrypts it
# What zipfile raises for broken archives; a wrong flag makes a member look encrypted in its own
# header (RuntimeError) or of another compression (NotImplementedError, which is one).
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, OverflowError, RuntimeError,
    ValueError,
)
# How often longer than the archive its members may be, one of them and all together: trained
# weights shrink by a tenth, files of few bytes by more.
_MOST_EXPANSION = 20
_SMALL = 2**20


def is_zip(path: str | os.PathLike[str]) -> bool:
    """True for a file that begins as a zip archive with members does."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """The archive, whose members together are no longer than its file, and unpack to no more than
    a fixed multiple of it.

    Raises:
      Damaged: it cannot be opened, members overlap, or they grow beyond all weights' measure.
      ValueError: its members are encrypted.
      OSError: there is no such file.
    """
    with open(path, "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise Damaged(f"as a zip archive: {error}") from error
        with archive:
            length, members = os.path.getsize(path), archive.infolist()
            if any(info.flag_bits & _ENCRYPTED for info in members):
                raise ValueError(
                    "got a zip archive with a password; expected one without: unpack it and pack "
                    "its files anew"
                )
            if sum(info.compress_size for info in members) > length:
                raise Damaged("its members are longer than the archive")
            _check_growth("it", length, sum(info.file_size for info in members))
            yield archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one member, their checksum compared.

    Raises:
      Damaged: no such member, one that cannot be read, or that grows beyond all weights' measure.
    """
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise Damaged(f"it has no member {name!r:.80}") from error
    _check_growth(f"{name!r:.80}", info.compress_size, info.file_size)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Damaged(f"{name!r:.80} is of compression {info.compress_type}; expected 0 or 8")
    try:
        return archive.read(info)
    except _BROKEN as error:
        raise Damaged(f"member {name!r:.80}: {error}") from error


def _check_growth(what: str, before: int, after: int) -> None:
    if after > max(_SMALL, _MOST_EXPANSION * before):
        raise Damaged(
            f"{what} would grow from {before} to {after} bytes; expected at most "
            f"{_MOST_EXPANSION} times as many"
        )
