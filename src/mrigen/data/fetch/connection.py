"""HTTP requests to published addresses: what is worth another attempt, and what is not."""

import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from mrigen import __version__

_TIMEOUT_S = 60
# Bytes of a file: Python refuses to read thousands of digits, and knows other digits than these.
_NUMBER = "[0-9]{1,18}"
# The server is busy or has a fault of its own.
_PASSING = {429, 500, 502, 503, 504}
# A name that is not known or a port that is closed will not be better in a second.
_LASTING = (socket.gaierror, ConnectionRefusedError, ssl.SSLCertVerificationError, str)


class BrokenOffError(Exception):
    """A connection that ended early: the next attempt goes on from there."""


class UnreachableError(Exception):
    """An address that gives nothing: another may."""


class Answer(NamedTuple):
    """What a server sends.

    Attributes
    ----------
    body
        To be read and closed.
    start
        The first byte it sends: 0 where it sends the whole file, asked or not.
    total
        Bytes of the whole file; None where the server does not say.
    version
        Names this version of the file to `If-Range`; empty where the server names none.
    """

    body: http.client.HTTPResponse
    start: int
    total: int | None
    version: str


def request(address: str, *, start: int = 0, version: str = "") -> Answer | None:
    """Ask for a file, or for what follows its first bytes.

    Parameters
    ----------
    address
        http or https.
    start
        Bytes that are here already, of this `version`.

    Returns
    -------
    The answer; None where the server has nothing beyond `start`.

    Raises
    ------
    BrokenOffError, UnreachableError
        Saying why in a few words.
    """
    headers = {"User-Agent": f"mrigen/{__version__}", "Accept-Encoding": "identity"}
    if start:
        # A server whose file has changed, or that knows no ranges, sends all of it from the start.
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    try:
        body = _open(address, headers)
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        problem = BrokenOffError if error.code in _PASSING else UnreachableError
        raise problem(f"HTTP {error.code}") from None
    except urllib.error.URLError as error:
        problem = UnreachableError if isinstance(error.reason, _LASTING) else BrokenOffError
        raise problem(getattr(error.reason, "strerror", None) or str(error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise BrokenOffError(str(error) or type(error).__name__) from None
    first = _first_byte(body, start)
    length = re.fullmatch(_NUMBER, body.headers.get("Content-Length", ""))
    total = first + int(length[0]) if length else None
    return Answer(body, first, total, _version(body))


def read(answer: Answer, count: int) -> bytes:
    """Read up to `count` bytes; empty at the end.

    Raises
    ------
    BrokenOffError
        If the connection breaks.
    """
    try:
        return answer.body.read(count)
    except (OSError, http.client.HTTPException) as error:
        raise BrokenOffError(str(error) or type(error).__name__) from None


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https alone, and never from https to http."""

    def redirect_request(  # type: ignore[no-untyped-def] # as urllib has it
        self, req, fp, code, msg, headers, newurl
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after != "https" and (before, after) != ("http", "http"):
            fp.close()
            raise UnreachableError(f"it redirects to {newurl[:100]!r}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(address: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    # Not urllib's own opener, which also opens files and FTP addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _SafeRedirects(),
    ):
        opener.add_handler(handler)
    asked = urllib.request.Request(address, headers=headers)
    response: http.client.HTTPResponse = opener.open(asked, timeout=_TIMEOUT_S)
    return response


def _first_byte(body: http.client.HTTPResponse, start: int) -> int:
    if body.status != HTTPStatus.PARTIAL_CONTENT:
        return 0
    found = re.match(rf"bytes ({_NUMBER})-", body.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != start:
        body.close()
        raise UnreachableError("it sends another range than was asked for")
    return start


def _version(body: http.client.HTTPResponse) -> str:
    # A weak ETag may stand for other bytes, and If-Range refuses it.
    tag = str(body.headers.get("ETag", ""))
    return tag if tag.startswith('"') else str(body.headers.get("Last-Modified", ""))
