"""A line that says how far a long wait is; nothing for a short one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_SILENT_SECONDS = 2.0


def with_progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yields `items`, and from 2 s on keeps `what: done/total` on stderr up to date.

    A terminal gets one line rewritten every second, a log file one line every 30 s.
    """
    terminal = sys.stderr.isatty()
    start = time.monotonic()
    due = start + _SILENT_SECONDS
    shown = False
    for done, item in enumerate(items):
        now = time.monotonic()
        if now >= due:
            _show(f"{what}: {done}/{total}", terminal)
            shown, due = True, now + (1.0 if terminal else 30.0)
        yield item
    if shown:
        _show(f"{what}: {total} in {time.monotonic() - start:.0f} s", terminal)
        if terminal:
            print(file=sys.stderr)


def _show(line: str, terminal: bool) -> None:
    print(f"\r{line}\033[K" if terminal else line, end="" if terminal else "\n", file=sys.stderr,
          flush=True)
