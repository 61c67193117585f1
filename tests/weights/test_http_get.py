"""One file over HTTP, from a real server that is cut, slow, wrong or gone."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pty
import re
import signal
import termios
import time

import pytest

from zoo.cache_folder import cache_folder
from zoo.weights import download, http_get


@pytest.mark.parametrize("headers", [
    {"ETag": '"strong"'},
    {"ETag": 'W/"weak"', "Last-Modified": "Tue, 04 Dec 2018 10:00:00 GMT"},
])
def test_a_cut_connection_is_resumed(site, headers):
    site.headers, site.cut_at = headers, site.half
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole
    assert site.seen == [("/net.pth", None), ("/net.pth", f"bytes={site.half}-")]
    assert site.answers == [200, 206] and len(site.files()) == 1


@pytest.mark.parametrize("ranges, headers", [(False, {"ETag": '"a"'}), (True, {})])
def test_a_server_that_cannot_resume_starts_anew(site, ranges, headers):
    site.ranges, site.headers, site.cut_at = ranges, headers, site.half
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole
    # Without an ETag or a time nobody knows whether it is the same file: not asked for a part.
    assert site.seen[1][1] == (f"bytes={site.half}-" if headers else None)


def test_a_server_that_sends_another_part_starts_anew(site):
    site.shift, site.cut_at = -1, site.half
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole
    assert site.answers == [200, 206, 200]


def test_a_file_that_changed_meanwhile_starts_anew(site):
    site.cut_at, site.statuses = site.half, [200, 404]
    with pytest.raises(http_get.Unavailable):
        download.fetch(site.entry("net.pth"))
    site.headers, site.content = {"ETag": '"second"'}, site.whole[::-1]
    reverse = hashlib.sha256(site.whole[::-1]).hexdigest()
    path = download.fetch(site.entry("net.pth", hash=f"sha256:{reverse}"))
    assert path.read_bytes() == site.whole[::-1]
    assert site.seen[-1] == ("/net.pth", f"bytes={site.half}-")


def test_the_mark_of_a_file_is_not_kept_for_the_next(site):
    for headers, content in [({"ETag": '"first"'}, site.whole), ({}, site.whole[::-1])]:
        site.headers, site.content = headers, content
        site.cut_at, site.statuses = site.half, [200, 404]
        with pytest.raises(http_get.Unavailable):
            download.fetch(site.entry("net.pth"))
    site.headers, site.content = {"ETag": '"first"'}, site.whole
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole
    assert site.seen[-1] == ("/net.pth", None)


def test_a_killed_download_is_resumed(site):
    site.pause_at = site.half
    process = site.start("net.pth")
    part = next(wait_for(lambda: [
        path for path in (cache_folder() / "downloads").glob("*.part")
        if path.stat().st_size == site.half
    ]))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    site.pause_at = None
    site.go_on.set()
    assert part.exists() and part.with_suffix("") not in part.parent.iterdir()
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole
    assert site.seen == [("/net.pth", None), ("/net.pth", f"bytes={site.half}-")]


def wait_for(found):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if result := found():
            return iter(result)
        time.sleep(0.01)
    raise AssertionError("nothing came in 20 s")


@pytest.mark.parametrize("content, content_type", [
    (b"<p>log in</p>", "text/html; charset=utf-8"),
    (b"\n<!DOCTYPE html><html>", "application/octet-stream"),
])
def test_a_page_instead_of_a_file(site, content, content_type):
    site.content, site.headers["Content-Type"] = content, content_type
    with pytest.raises(ValueError, match=rf"got a web page \(HTML\) from {site.url}/net.pth"):
        download.fetch(site.entry("net.pth", hash=""))
    assert site.files() == []


def test_a_file_that_is_not_there_is_asked_for_once(site):
    site.statuses = [404]
    with pytest.raises(OSError, match=f"cannot download {site.url}/net.pth: HTTP status 404"):
        download.fetch(site.entry("net.pth"))
    assert len(site.seen) == 1 and site.files() == []


def test_a_server_in_trouble_is_asked_again_and_given_time(site, monkeypatch):
    monkeypatch.setattr(http_get, "_WAIT_SECONDS", (0.2, 0.2, 0.2))
    site.statuses = [503, 429]
    begin = time.monotonic()
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole
    assert len(site.seen) == 3 and time.monotonic() - begin >= 0.4
    site.statuses = [500] * 9
    with pytest.raises(OSError, match="HTTP status 500"):
        download.fetch(site.entry("other.pth"))
    assert len(site.seen) == 3 + 4


def test_an_address_that_nobody_answers(site):
    site.shutdown()
    site.server_close()
    with pytest.raises(http_get.Unavailable, match=f"download {site.url}/net.pth: .*refused"):
        download.fetch(site.entry("net.pth"))


def test_a_full_disk_leaves_nothing(site):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    process = site.start("net.pth", before=limit)
    error = process.communicate(timeout=20)[1]
    assert re.search(r"OSError: no space in .*downloads: File too large", error)
    assert site.files() == []


def test_space_is_looked_for_before_the_download(site, monkeypatch):
    monkeypatch.setattr(http_get, "_MOST_BYTES", 10**17)
    site.announced = 10**17
    with pytest.raises(OSError, match=r"no space in .*: 100000000000.0 MB are to come, .* free"):
        download.fetch(site.entry("net.pth"))
    assert site.files() == []


@pytest.mark.parametrize("head", [False, True])
def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(site, monkeypatch, head):
    monkeypatch.setenv("ZOO_TIMEOUT", "0.2")
    site.endless, site.endless_head = (b"x", 0.05), head
    begin = time.monotonic()
    with pytest.raises(http_get.Unavailable, match=f"cannot download {site.url}/net.pth: ") as got:
        download.fetch(site.entry("net.pth"))
    assert ("no whole answer in 0.2 s" if head else " bytes in 0.2 s") in str(got.value)
    assert len(site.seen) == 4 and time.monotonic() - begin < 10


def test_a_slow_server_is_waited_for_while_it_sends(site, monkeypatch):
    monkeypatch.setenv("ZOO_TIMEOUT", "0.1")
    monkeypatch.setattr(http_get, "_LEAST_BYTES", 2)
    monkeypatch.setattr(http_get, "_MOST_BYTES", 60)
    site.endless = (b"xxx", 0.02)
    with pytest.raises(ValueError, match="got over 6e-08 GB"):  # after four times the limit
        download.fetch(site.entry("net.pth"))
    assert len(site.seen) == 1


def test_a_server_that_sends_for_ever_is_stopped(site, monkeypatch):
    monkeypatch.setattr(http_get, "_MOST_BYTES", 10**7)
    site.endless = (bytes(10**6), 0)
    with pytest.raises(ValueError, match=rf"got over 0.01 GB from {site.url}/net.pth; expected"):
        download.fetch(site.entry("net.pth"))
    assert site.files() == [] and len(site.seen) == 1


@pytest.mark.parametrize("length", ["1e400", "9" * 400, "-5", "0x10", "", "12 34", str(10**17)])
def test_a_length_that_is_none(site, length):
    site.announced = length or " "
    with pytest.raises(ValueError, match="got Content-Length|got over 4 GB") as got:
        download.fetch(site.entry("net.pth"))
    assert "\n" not in str(got.value) and len(str(got.value)) < 300 and site.files() == []


def test_redirects_in_a_circle_end(site):
    site.redirect = f"{site.url}/again"
    with pytest.raises(http_get.Unavailable, match="HTTP status 302 .*infinite loop") as got:
        download.fetch(site.entry("net.pth"))
    assert "\n" not in str(got.value) and len(site.seen) <= 12


def test_what_comes_with_a_redirect_is_not_read(site, monkeypatch):
    monkeypatch.setattr(http_get, "_MOST_BYTES", 10**7)
    site.redirect, site.endless = f"{site.url}/there", (bytes(10**6), 0)
    with pytest.raises(ValueError, match=f"got over 0.01 GB from {site.url}/there"):
        download.fetch(site.entry("net.pth"))
    assert [path for path, _ in site.seen] == ["/net.pth", "/there"]


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_that_is_none(site, monkeypatch, text):
    monkeypatch.setenv("ZOO_TIMEOUT", text)
    with pytest.raises(ValueError, match=f"got ZOO_TIMEOUT='{text}' in the environment; expected"):
        download.fetch(site.entry("net.pth"))


@pytest.mark.parametrize("url", [
    "ftp://127.0.0.1/net.pth", "file:///etc/hostname", "http://192.0.2.1/net.pth",
    "http://127.0.0.1.example.org/net.pth", "net.pth", "data:,hello",
])
def test_addresses_that_are_refused(site, url):
    with pytest.raises(ValueError, match="got address .*; expected https://"):
        download.fetch(dataclasses.replace(site.entry(""), urls=(url,)))
    site.redirect = url
    if ":" in url:
        with pytest.raises((ValueError, OSError), match="expected https://|not allowed"):
            download.fetch(site.entry("net.pth"))
    assert site.files() == []


def test_a_redirect_is_followed(site):
    site.redirect = f"{site.url}/there"
    assert download.fetch(site.entry("net.pth")).read_bytes() == site.whole
    assert [path for path, _ in site.seen] == ["/net.pth", "/there"]


def test_a_log_gets_a_line_now_and_then_and_short_waits_none(site, monkeypatch, capsys):
    download.fetch(site.entry("short.pth"))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(http_get, "_LINE_SECONDS", 0.0)
    download.fetch(site.entry("net.pth"))
    assert "timm:resnet50d.ra2_in1k: 0 of 0 MB" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(site):
    site.pause_at = site.half
    terminal, its_end = pty.openpty()
    termios.tcsetwinsize(its_end, (24, 100))
    process = site.start("net.pth", stderr=its_end)
    os.close(its_end)
    assert site.paused.wait(20)
    time.sleep(2.2)  # a shorter wait shows nothing
    site.go_on.set()
    process.communicate(timeout=20)
    shown = os.read(terminal, 4096).decode()
    os.close(terminal)
    assert re.search(r"timm:resnet50d.ra2_in1k: +\d+%\|.*307k/307k", shown)
