"""Where files lie that can be had again: downloads, and code compiled for this machine."""

from __future__ import annotations

import os
import pathlib


def cache_folder() -> pathlib.Path:
    """$ZOO_CACHE, or keras-reference-zoo in $XDG_CACHE_HOME or ~/.cache."""
    if folder := os.environ.get("ZOO_CACHE"):
        return pathlib.Path(folder).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(caches).expanduser() / "keras-reference-zoo"
