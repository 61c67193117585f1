"""What strangers have written, as names of classes and files, made fit to be shown.

Data keep the names as they are. A terminal obeys control characters, a reader is misled by marks
that turn the direction of writing, Markdown and spreadsheets have signs of their own.
"""

from __future__ import annotations

import re
import unicodedata

# Control, format (also of direction), lone surrogates (bytes that are not UTF-8), line ends.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Joiners are part of Persian and Indic words and of emoji.
_SHOWN = "\u200c\u200d"
# What has a meaning anywhere, and what has one at the start.
_SIGNS = re.compile(r"[\\`*_\[\]<>|~&$#]")
_AT_THE_START = re.compile(r"^(\s*)([-+=])|^(\s*\d+)([.)])(?=\s|$)")
_FORMULA = ("=", "+", "-", "@")


def visible(text: object) -> str:
    r"""`text` in one line that any terminal shows as it is: a new line is \n, an escape \x1b."""
    shown = str(text)
    if shown.isascii() and shown.isprintable():
        return shown  # most are, and sign by sign takes long
    return "".join(
        sign.encode("unicode_escape").decode()
        if unicodedata.category(sign) in _UNSEEN and sign not in _SHOWN else sign
        for sign in shown
    )


def markdown(text: object) -> str:
    r"""`visible(text)` as Markdown that shows it, also in a cell of a table: | is \|."""
    shown = _SIGNS.sub(r"\\\g<0>", visible(text))
    return _AT_THE_START.sub(r"\1\3\\\2\4", shown)


def csv_cell(text: object) -> str:
    """`visible(text)`, behind a ' where a spreadsheet would compute it: '=1+2."""
    shown = visible(text)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
