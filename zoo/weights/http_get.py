"""One file over HTTP: what was cut is resumed, what can pass is tried again.

Python's urllib does it: it knows proxies and redirects, and is there without any package. A server
can make nobody wait: ZOO_TIMEOUT (30 seconds) is the longest time without an answer, and within it
`_LEAST_BYTES` have to come.
"""

from __future__ import annotations

import errno
import http.client
import math
import os
import pathlib
import shutil
import sys
import time
import urllib.error
import urllib.request
from typing import NoReturn

import tqdm

from zoo.weights.http_opener import OPENER, check_address

_TIMEOUT_SECONDS = 30.0
_LEAST_BYTES = 2**15
# Of a file: four times the largest of the catalogue.
_MOST_BYTES = 4 * 10**9
# Before the second, third and fourth attempt.
_WAIT_SECONDS = (0.5, 2.0, 5.0)
# Codes under 500 that say "later": time-out, too many requests.
_LATER = (408, 429)
_CHUNK = 1 << 20
_SILENT_SECONDS = 2.0
_LINE_SECONDS = 10.0


class Unavailable(OSError):
    """The address does not answer, or has no such file."""


class _Passing(Exception):
    """An attempt that failed and may succeed when repeated."""


def download(url: str, part: pathlib.Path, what: str) -> None:
    """Writes the whole of `url` to the file `part`.

    A `part` of an earlier call that was cut is continued, provided that the server says that the
    file is still the same one; how far it is shows on standard error under the name `what`.

    Raises:
      Unavailable: no such file (never tried again), or no answer in four attempts.
      ValueError: an address that is not https:// (or http:// of this machine), a web page where a
        file was expected, more bytes than any file of weights has, or a ZOO_TIMEOUT that is none.
      OSError: no space, or `part` cannot be written; what was written is removed.
    """
    check_address(url)
    for wait in (*_WAIT_SECONDS, None):
        try:
            _attempt(url, part, what)
            return
        except _Passing as error:
            if wait is None:
                raise Unavailable(f"cannot download {url}: {error}") from error
            time.sleep(wait)


def discard(part: pathlib.Path) -> None:
    """Removes `part`, and what is kept beside it for resuming."""
    part.unlink(missing_ok=True)
    _validator_file(part).unlink(missing_ok=True)


def _attempt(url: str, part: pathlib.Path, what: str) -> None:
    done, validator = _started(part)
    request = urllib.request.Request(url, headers={"User-Agent": "keras-reference-zoo"})
    if done:
        request.add_header("Range", f"bytes={done}-")
        request.add_header("If-Range", validator)
    with _open(request, part) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            done = 0  # the whole file comes: no resuming there, or the file is another one
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            discard(part)
            raise _Passing("the server sent another part than was asked for")
        try:
            length = _length(response)
            total = None if length is None else done + length
            _check_space(part, (total or 0) - done)
            if not done:
                _start(part, response.headers)
            received = _receive(response, part, done, total, what)
        except ValueError:
            discard(part)
            raise
        except OSError as error:
            _no_place(error, part)
    if received == 0:
        raise _Passing("the server sent nothing")
    if total is not None and received != total:
        raise _Passing(f"the connection was cut at {received} of {total} bytes")


def _open(request: urllib.request.Request, part: pathlib.Path) -> http.client.HTTPResponse:
    try:
        return OPENER.open(request, timeout=timeout_seconds())
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"HTTP status {error.code} {' '.join(str(error.reason).split())}"
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            discard(part)  # more was there than the file has
            raise _Passing(reason) from error
        if error.code >= 500 or error.code in _LATER:
            raise _Passing(reason) from error
        raise Unavailable(f"cannot download {request.full_url}: {reason}") from error
    except urllib.error.URLError as error:
        raise _Passing(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Passing(str(error) or type(error).__name__) from error


def _receive(
    response: http.client.HTTPResponse, part: pathlib.Path, done: int, total: int | None, what: str
) -> int:
    """Appends the body to `part`; returns how many bytes of the file are there then."""
    limit, since, before = timeout_seconds(), time.monotonic(), done
    with part.open("ab" if done else "wb") as file, _Progress(what, done, total) as progress:
        while True:
            try:
                chunk = response.read1(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _Passing(str(error) or type(error).__name__) from error
            if not chunk:
                return done
            if not done:
                _check_no_page(response, chunk)
            file.write(chunk)
            done += len(chunk)
            progress.update(done)
            _check_length(response, done)
            if time.monotonic() - since > limit:
                if done - before < _LEAST_BYTES:
                    raise _Passing(f"the server sent {done - before} bytes in {limit:g} s")
                since, before = time.monotonic(), done


def timeout_seconds() -> float:
    """ZOO_TIMEOUT, or 30. Raises ValueError where it is no number over 0."""
    text = os.environ.get("ZOO_TIMEOUT") or str(_TIMEOUT_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(
            f"got ZOO_TIMEOUT={text!r} in the environment; expected seconds, a number over 0"
        )
    return seconds


def _length(response: http.client.HTTPResponse) -> int | None:
    """The bytes that are said to come; None where nothing is said."""
    text = response.headers.get("Content-Length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"got Content-Length {text!r:.80} from {response.url}; expected a number "
                         "of bytes")
    _check_length(response, int(text))
    return int(text)


def _check_length(response: http.client.HTTPResponse, length: int) -> None:
    if length > _MOST_BYTES:
        raise ValueError(
            f"got over {_MOST_BYTES / 1e9:g} GB from {response.url}; expected a file of weights"
        )


def _check_no_page(response: http.client.HTTPResponse, start: bytes) -> None:
    head = start[:64].lstrip().lower()
    html = head.startswith((b"<!doctype html", b"<html"))
    if html or response.headers.get_content_type() == "text/html":
        raise ValueError(
            f"got a web page (HTML) from {response.url}; expected a file: is there a login or a "
            "proxy in between?"
        )


def _check_space(part: pathlib.Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise OSError(
            errno.ENOSPC, f"{needed / 1e6:.1f} MB are to come, {free / 1e6:.1f} MB are free"
        )


def _no_place(error: OSError, part: pathlib.Path) -> NoReturn:
    discard(part)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    problem = "no space" if full else "cannot write"
    raise OSError(f"{problem} in {part.parent}: {error.strerror or error}") from error


def _started(part: pathlib.Path) -> tuple[int, str]:
    """How many bytes of an earlier call are there, and which file they are of."""
    file = _validator_file(part)
    if not part.exists() or not file.exists():
        return 0, ""
    return part.stat().st_size, file.read_text()


def _start(part: pathlib.Path, headers: http.client.HTTPMessage) -> None:
    """Notes which file this is, before its first byte. A weak ETag does not vouch for bytes."""
    discard(part)
    etag = headers.get("ETag", "")
    validator = headers.get("Last-Modified", "") if etag.startswith("W/") else etag
    if validator:
        _validator_file(part).write_text(validator)


def _validator_file(part: pathlib.Path) -> pathlib.Path:
    return part.with_name(f"{part.name}.etag")


class _Progress:
    """A bar in a terminal, a line now and then in a log; neither for a short wait."""

    def __init__(self, what: str, done: int, total: int | None) -> None:
        self._what, self._total = what, total
        self._due = time.monotonic() + _LINE_SECONDS
        self._bar = tqdm.tqdm(
            total=total, initial=done, desc=what, unit="B", unit_scale=True, file=sys.stderr,
            delay=_SILENT_SECONDS, disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def update(self, done: int) -> None:
        self._bar.update(done - self._bar.n)
        now = time.monotonic()
        if self._bar.disable and now >= self._due:
            self._due = now + _LINE_SECONDS
            of = f" of {self._total / 1e6:.0f}" if self._total else ""
            print(f"{self._what}: {done / 1e6:.0f}{of} MB", file=sys.stderr, flush=True)
