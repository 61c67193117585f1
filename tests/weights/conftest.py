"""A web server on this machine that is cut, slow, wrong or gone, as a test wants it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.server
import pathlib
import re
import subprocess
import sys
import threading

import pytest

from zoo.cache_folder import cache_folder
from zoo.weights import catalogue, http_get

WHOLE = bytes(range(256)) * 1200
SHA256 = f"sha256:{hashlib.sha256(WHOLE).hexdigest()}"
# What a process of its own does; its arguments are the address and the hash.
FETCH = """
import dataclasses, sys
from zoo.cache_folder import cache_folder
from zoo.weights import catalogue, download
found = dataclasses.replace(
    catalogue.find("timm:resnet50d"), urls=(sys.argv[1],), hash=sys.argv[2])
print(download.fetch(found))
"""


class Site(http.server.ThreadingHTTPServer):
    """What the server does is in attributes; `seen` lists (path, Range) of all requests,
    `answers` the statuses."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = self.whole = WHOLE
        self.half = len(WHOLE) // 2
        self.headers = {"ETag": '"first"'}
        self.statuses = []  # of the next answers, before all is well
        self.ranges = True
        self.announced = None  # a length that is not the content's
        self.redirect = None
        self.cut_at = None  # the connection is closed there, once
        self.pause_at = None
        self.paused, self.go_on = threading.Event(), threading.Event()
        self.shift = 0  # of the part that is sent
        self.endless = None  # what is sent again and again, without a length, and after how long
        self.endless_head = False  # the head of the answer, too, has no end
        self.seen, self.answers = [], []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def entry(self, *paths: str, hash: str = SHA256) -> catalogue.Entry:
        """A checkpoint at these addresses of the site."""
        urls = tuple(f"{self.url}/{path}" for path in paths)
        return dataclasses.replace(catalogue.find("timm:resnet50d"), urls=urls, hash=hash)

    def start(self, path: str, before: str = "", **options) -> subprocess.Popen:
        """A process that does `before`, then downloads the checkpoint."""
        return subprocess.Popen(
            [sys.executable, "-c", before + FETCH, f"{self.url}/{path}", SHA256],
            cwd=pathlib.Path(__file__).parents[2], text=True, stdout=subprocess.PIPE,
            **{"stderr": subprocess.PIPE, **options},
        )

    @staticmethod
    def files() -> list[str]:
        """The names of what was downloaded, and of all that was left beside it."""
        folder = cache_folder() / "downloads"
        return sorted(path.name for path in folder.glob("*") if path.name != ".locks")

    def handle_error(self, request, client_address):
        """A client that hangs up is no news."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server
        site.seen.append((self.path, self.headers["Range"]))
        status = site.statuses.pop(0) if site.statuses else 200
        start = 0
        asked = self.headers["If-Range"] or ""
        # A weak ETag never matches.
        same = asked in site.headers.values() and not asked.startswith("W/")
        if status == 200 and site.ranges and same and self.headers["Range"]:
            status, start = 206, int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
            start += site.shift
        if site.redirect and self.path != "/there":
            status = 302
        site.answers.append(status)
        if site.endless_head:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Head: ")
            self.send_again_and_again(*site.endless)
            return
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(WHOLE) - 1}/{len(WHOLE)}")
        if status == 302:
            self.send_header("Location", site.redirect)
        body = site.content[start:] if status < 300 else b"no"
        if not site.endless:
            self.send_header("Content-Length", str(site.announced or len(body)))
        for name, value in site.headers.items():
            self.send_header(name, value)
        # Before the client hears anything: it does not wait for the end of an answer.
        if site.cut_at is not None:
            body, site.cut_at = body[: site.cut_at], None
        self.end_headers()
        if site.endless:
            self.send_again_and_again(*site.endless)
            return
        if site.pause_at is not None:
            self.wfile.write(body[: site.pause_at])
            self.wfile.flush()
            site.paused.set()
            site.go_on.wait(20)
            body = body[site.pause_at :]
        self.wfile.write(body)

    def send_again_and_again(self, part, seconds):
        with contextlib.suppress(OSError):  # the client has hung up
            while not self.server.go_on.wait(seconds):
                self.wfile.write(part)
                self.wfile.flush()

    def log_message(self, *_):
        """Not into the tests' output."""


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(http_get, "_WAIT_SECONDS", (0.01, 0.01, 0.01))
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()
