"""Files and folders that are there whole or not at all: written beside their place, then renamed.

What lies aside meanwhile has a hidden name that says whose it is, `.aside-HOST-PROCESS-NUMBER`, so
that what a killed process has left can be told and removed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from zoo.lazy import lazy_module

tf = lazy_module("tensorflow")

_ASIDE = re.compile(r"\.aside-(.+)-(\d+)-\d+(\..*)?")
_number = itertools.count()


@contextlib.contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Gives the name of a file to write; renames it to `path` at the end; on an error removes it.

    The name is hidden, in the same folder, with the same suffix, and of this process alone.

    Raises OSError, with `path` in it, where the file cannot be opened or written.
    """
    path = Path(path)
    aside = path.with_name(_aside_name(path.suffix))
    try:
        yield aside
        put(aside, path)
    except OSError as error:
        # A full disk tells no name, and the hidden one says nothing to whoever reads it.
        if error.errno is None or error.filename not in (None, str(aside)):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def put(aside: Path, path: Path) -> None:
    """Renames a file to `path`, after its content has reached the disk: a power cut could else
    leave an empty file of that name."""
    with open(aside, "rb") as file:
        os.fsync(file.fileno())
    os.replace(aside, path)


@contextlib.contextmanager
def folder_aside(parent: str | Path) -> Iterator[Path]:
    """Makes a folder in `parent` to write into, and removes it with what is still in it."""
    aside = Path(parent) / _aside_name()
    try:
        aside.mkdir()  # within: a signal may come as soon as it is there
        yield aside
    finally:
        if aside.exists():  # it may have been renamed as a whole
            shutil.rmtree(aside)


def remove_left_aside(folder: str | Path, *, of_all: bool = False) -> None:
    """Removes what processes of this machine that are no more have left aside in `folder`.

    of_all: what any process has, for a folder in which no other one is at work.
    """
    for path in Path(folder).iterdir():
        match = _ASIDE.fullmatch(path.name)
        dead = match and match[1] == socket.gethostname() and not _lives(int(match[2]))
        if dead or match and of_all:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextlib.contextmanager
def os_errors(path: str | Path) -> Iterator[None]:
    """Turns what TensorFlow raises where it cannot write `path` into an OSError."""
    try:
        yield
    except tf.errors.OpError as error:
        message = " ".join(error.message.split())
        raise OSError(f"{path} cannot be written: {message}") from error


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes the whole file or nothing."""
    with written_aside(path) as aside:
        aside.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Writes the whole file in UTF-8, or nothing."""
    write_bytes(path, text.encode())


def _aside_name(suffix: str = "") -> str:
    return f".aside-{socket.gethostname()}-{os.getpid()}-{next(_number)}{suffix}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
