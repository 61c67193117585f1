"""Files of flags: one a line; # begins a comment, also behind a value and a blank.

A line --flagfile=FILE stands for the lines of that file. A word, such as quickstart, that is no
file here stands for recipes/flags/quickstart.flags of the zoo itself.
"""

from __future__ import annotations

import codecs
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from zoo.given_path import as_path

SHIPPED = Path(__file__).parents[1] / "recipes" / "flags"
_NAMES_FILE = re.compile(r"--?flagfile(=.*)?", re.DOTALL)
_MOST_BYTES = 2**20
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}


def expanded(arguments: Sequence[str]) -> list[str]:
    """`arguments` with the flags of a file in the place of --flagfile=FILE or --flagfile FILE.

    Raises:
      ValueError: a file that is missing, or is no file of flags; in one line.
    """
    return _expanded(arguments, ())


def read_lines(path: Path) -> list[str]:
    """The lines of a file of flags, without comments and the blanks around.

    Raises:
      ValueError: a file that cannot be read, as a folder or a pipe, that is over 1 MiB, or no text
        in UTF-8 or, with its byte-order mark, UTF-16.
    """
    try:
        # A pipe that nobody writes to would never end, and a device may not.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"got {str(path)!r}, which is no file; expected a file of flags")
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(
            f"got {str(path)!r}: {error.strerror}; expected a file of flags, one a line"
        ) from None
    if len(data) > _MOST_BYTES:
        raise ValueError(f"got {str(path)!r} of over 1 MiB; expected a file of flags, one a line")
    marks = (encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if data.startswith(mark))
    try:
        text = data.decode(next(marks, "utf-8"))
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ValueError(
            f"got {str(path)!r}, which is no text in UTF-8; expected a file of flags, one a line"
        )
    return [_without_comment(line) for line in re.split(r"\r\n|\r|\n", text)]


def _expanded(arguments: Sequence[str], within: tuple[Path, ...]) -> list[str]:
    """within: the files that name each other down to these arguments."""
    found = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":  # what follows are no flags
            return [*found, argument, *rest]
        if not _NAMES_FILE.fullmatch(argument):
            found.append(argument)
            continue
        _, has_value, name = argument.partition("=")
        if not has_value:
            if not rest:
                raise ValueError("--flagfile: got no file; expected --flagfile=FILE")
            name = rest.pop(0)
        found += _flags_in(name, within)
    return found


def _flags_in(name: str, within: tuple[Path, ...]) -> list[str]:
    try:
        path = _found(name)
        if path in within:
            print(f"--flagfile: {name} names itself; left out there", file=sys.stderr)
            return []
        lines = [line for line in read_lines(path) if line]
    except ValueError as error:
        raise ValueError(f"--flagfile: {error}") from None
    for line in lines:
        if not line.startswith("-"):
            raise ValueError(f"--flagfile: {name}: got the line {line!r}; expected --NAME=VALUE")
    return _expanded(lines, (*within, path))


def _found(name: str) -> Path:
    path = as_path(name)
    if path.exists() or path.name != str(path) or path.suffix:
        return path
    shipped = SHIPPED / f"{name}.flags"
    if not shipped.is_file():
        names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.flags")))
        raise ValueError(f"got {name!r}, which is no file; expected a file, or one of: {names}")
    return shipped


def _without_comment(line: str) -> str:
    line = line.strip()
    return "" if line.startswith(("#", "//")) else re.sub(r"\s+#.*", "", line)
