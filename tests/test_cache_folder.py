"""Where files lie that can be had again."""

from __future__ import annotations

import pathlib

from zoo.cache_folder import cache_folder


def test_where_the_cache_is(monkeypatch):
    home = pathlib.Path.home()
    monkeypatch.delenv("ZOO_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == home / ".cache" / "keras-reference-zoo"
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert cache_folder() == pathlib.Path("/var/caches/keras-reference-zoo")
    monkeypatch.setenv("ZOO_CACHE", "~/zoo")
    assert cache_folder() == home / "zoo"
