"""How an address is opened: which one may be, where redirects lead, and an answer in time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import urllib.parse
import urllib.request

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_address(url: str) -> None:
    """Raises ValueError unless the address is https://, or http:// of this machine."""
    address = urllib.parse.urlsplit(url)
    if address.scheme != "https" and not (
        address.scheme == "http" and address.hostname in _LOOPBACK
    ):
        raise ValueError(f"got address {url!r}; expected https://..., or http:// of this machine")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        fp.close()  # urllib would read all of what comes with a redirect, which may have no end
        check_address(newurl)
        if req.type == "https" and not newurl.startswith("https:"):
            raise ValueError(f"{req.full_url} leads on to {newurl!r}; expected https://...")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _InTime:
    """A connection whose answer begins in time; a time limit of sockets is for each byte of it."""

    def getresponse(self) -> http.client.HTTPResponse:
        late = threading.Event()

        def hang_up() -> None:
            late.set()
            with contextlib.suppress(OSError):  # it has just ended
                self.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.timeout, hang_up)
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()
        finally:
            timer.cancel()
        if late.is_set():  # headers that were cut read as whole ones
            raise TimeoutError(f"no whole answer in {self.timeout:g} s")
        return response


class _HTTPConnection(_InTime, http.client.HTTPConnection):
    pass


class _HTTPSConnection(_InTime, http.client.HTTPSConnection):
    pass


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, req):
        return self.do_open(_HTTPConnection, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, req):
        return self.do_open(_HTTPSConnection, req, context=ssl.create_default_context())


OPENER = urllib.request.build_opener(_Redirects, _HTTPHandler, _HTTPSHandler)
