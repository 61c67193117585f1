"""Which names classes may have: they are kept in text files, one a line."""

from __future__ import annotations

from collections.abc import Sequence


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


def _is_utf8(name: str) -> bool:
    # A folder's name in another encoding: Python keeps such bytes as lone surrogates.
    return not any("\ud800" <= sign <= "\udfff" for sign in name)
