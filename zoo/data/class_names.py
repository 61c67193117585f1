"""Which names classes may have: they are kept in text files, one a line."""

from __future__ import annotations

import os
from collections.abc import Sequence

_MOST_BYTES = 16_000_000


def check_class_names(class_names: Sequence[str]) -> None:
    """Raises ValueError for a name that is not one line of UTF-8.

    A line ends for one reader where it goes on for another (U+2028, U+0085, form feed), and all
    classes behind such a name would be called by the name before theirs.
    """
    for name in class_names:
        if name.splitlines() != [name]:
            problem = "is not one line"
        elif not _is_utf8(name):
            problem = "is not in UTF-8"
        else:
            continue
        raise ValueError(
            f"got the class name {name!r}, which {problem}; expected one line of UTF-8: rename "
            "the class, as its folder"
        )


def read_lines(path: str | os.PathLike) -> list[str]:
    """The lines of a file of class names.

    Raises:
      ValueError: no regular file, one of over 16 MB, or one that is not in UTF-8.
    """
    if not os.path.isfile(path):
        raise ValueError(f"no file of class names {str(path)!r}; expected one name a line")
    size = os.path.getsize(path)
    if size > _MOST_BYTES:
        raise ValueError(f"{path} has {size} bytes; expected a file of class names, one a line")
    with open(path, encoding="utf-8") as lines:
        try:
            return lines.readlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not in UTF-8 ({error.reason}); expected one class name a "
                             "line") from None


def _is_utf8(name: str) -> bool:
    # A folder's name in another encoding: Python keeps such bytes as lone surrogates.
    return not any("\ud800" <= sign <= "\udfff" for sign in name)
