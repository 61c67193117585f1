"""What a user gives becomes a path, or the names that match it."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path


def as_path(given: str | bytes | os.PathLike) -> Path:
    """A local path; `~` and `~name` at its start are home folders, `./~` is a name.

    Raises:
      ValueError: an empty name, a URL, a name that is not UTF-8 or that no file can have.
    """
    if not isinstance(given, (str, bytes, os.PathLike)):
        raise ValueError(f"got {given!r} of type {type(given).__name__}; expected a text or a Path")
    text = os.fsdecode(given)
    if not text.strip() or "\0" in text:
        raise ValueError(f"got {text!r}; expected the name of a file or folder")
    if "://" in text:
        raise ValueError(f"got {text!r}; expected a local file or folder: copy it to this machine")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError(f"got {text!r}, a name that is not UTF-8, which TensorFlow does not take; "
                         "expected one that is: rename it")
    return Path(os.path.expanduser(text))  # not Path's, which takes ./~ for ~


def matching(pattern: str | bytes | os.PathLike) -> list[str]:
    """The names that a shell pattern matches, sorted; `**` stands for any folders.

    What exists is itself, whatever signs are in its name: the longest beginning of the pattern that
    exists is taken literally. So `/set [v1]/train-*` are the train- files of that folder.
    """
    text = os.path.expanduser(os.fsdecode(pattern))
    known = text
    while known and not os.path.lexists(known):
        known = os.path.dirname(known.rstrip("/"))
    return sorted(glob.glob(glob.escape(known) + text[len(known):], recursive=True))


def is_pattern(name: str) -> bool:
    """True where TensorFlow would take the name of a file for a pattern, as it does when it reads a
    checkpoint or the variables of a SavedModel."""
    return re.search(r"[][\\*?{}]", name) is not None
