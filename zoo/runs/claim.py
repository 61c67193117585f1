"""A run's folder, claimed by one process: tried before anything is loaded, locked, and cleaned."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from zoo.files import folder_aside, remove_left_aside

_LOCK = ".lock"
_TRIED_BYTES = 1 << 20
# `is_claimed` holds it for a moment, which is no claim.
_SECONDS_OF_A_LOOK = 0.1
# What a file system answers that has no locks.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Makes the folder, tries it out and keeps other processes out of it; at the end removes what
    it has made, where nothing came into it.

    The lock is flock(2) on FOLDER/.lock, which names the process that holds it: the system releases
    it however that ends. On a network it works as far as flock does there.

    Raises:
      ValueError: another process is at work in it, or it cannot be written into; in one line.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with contextlib.ExitStack() as stack:
        for path in reversed(missing):
            stack.callback(_remove_empty, path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(folder / _LOCK))
            for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
                remove_left_aside(place, of_all=True)  # nobody else is at work here
            _try_out(folder)
        except OSError as error:
            raise ValueError(f"--run_dir: {folder} cannot be written into: {error.strerror}; "
                             "expected a folder that can, with room") from error
        yield


def is_claimed(folder: Path) -> bool:
    """Whether a process is at work in it; where the disk has no locks, whether one has left its
    lock's file."""
    try:
        with open(folder / _LOCK) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        if isinstance(error, BlockingIOError) or error.errno in _NO_LOCKS:
            return True
        raise
    return False


def check_space(folder: Path, needed: int) -> None:
    """Raises ValueError where fewer than `needed` bytes are free for `folder`, which exists."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ValueError(
            f"--run_dir: {free / 1e6:.0f} MB are free in {folder}; expected "
            f"{needed / 1e6:.0f} MB, for two checkpoints and the trained model in three forms"
        )


def _try_out(folder: Path) -> None:
    with folder_aside(folder) as aside:
        with open(aside / "written", "wb") as file:
            file.write(bytes(_TRIED_BYTES))
            file.flush()
            os.fsync(file.fileno())  # some file systems tell of a full disk only now
        os.replace(aside / "written", aside / "renamed")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _lock(path) as file:
        file.truncate(0)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        file.write(f"process {os.getpid()} on {socket.gethostname()} since {now}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _lock(path: Path) -> TextIO:
    believed = time.monotonic() + _SECONDS_OF_A_LOOK
    while True:
        file = open(path, "a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if isinstance(error, BlockingIOError):
                if time.monotonic() < believed:
                    file.close()
                    time.sleep(_SECONDS_OF_A_LOOK / 10)
                    continue
                file.seek(0)
                raise ValueError(f"--run_dir: {path.parent} is in use by {file.read().strip()}; "
                                 "expected its end, or another folder") from None
            if error.errno not in _NO_LOCKS:
                raise
            print(f"{path.parent} is on a disk without locks: see to it that no other process "
                  "trains into it", file=sys.stderr, flush=True)
            return file
        # Between the two lines above another process may have ended, and removed its lock's file.
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
