"""Folders 1, 2, 3, ... of an exported model, as servers watch them: each whole or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.files import folder_aside, os_errors, remove_left_aside
from zoo.given_path import as_path


@contextlib.contextmanager
def next_version(out: str | Path) -> Iterator[Version]:
    """Gives a version to write, in a folder aside; at the end renames that to `out`/NUMBER, one
    more than the largest there is. On an error nothing of it is left.

    Raises ValueError where `out` is a file, OSError where it cannot be written.
    """
    out = as_path(out)
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out: {out} is a file; expected a folder")
    out.mkdir(parents=True, exist_ok=True)
    remove_left_aside(out)
    with folder_aside(out) as aside, os_errors(out):
        version = Version(aside)
        yield version
        version.path = _renamed(version.written, out)


class Version:
    """written: an empty folder, to be filled. path: what it is called in the end."""

    def __init__(self, aside: Path):
        self.written = aside / "model"
        self.path = self.written
        self.written.mkdir()


def _renamed(written: Path, out: Path) -> Path:
    while True:
        versions = [int(path.name) for path in out.iterdir() if path.name.isdigit()]
        version = out / str(max(versions, default=0) + 1)
        try:
            # rename, unlike replace, fails where another export took the number meanwhile.
            os.rename(written, version)
            return version
        except OSError:
            if not version.exists():
                raise
