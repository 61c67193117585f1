"""Files that are there whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_aside(path: str | Path) -> Iterator[Path]:
    """Gives the name of a file to write; renames it to `path` at the end; on an error removes it.

    The name is hidden, in the same folder, with the same suffix, and of this process alone.
    """
    path = Path(path)
    aside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes the whole file or nothing."""
    with written_aside(path) as aside:
        aside.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Writes the whole file in UTF-8, or nothing."""
    write_bytes(path, text.encode())
