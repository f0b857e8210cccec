"""Whom a request takes the server for, and which page it comes from."""

import ipaddress
import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from mrigen.errors import shown
from mrigen.serving.keys import Keys
from mrigen.serving.protection.headers import values_of
from mrigen.serving.protection.refusal import refuse

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_READING = {"GET", "HEAD", "OPTIONS"}


def host_names(bound: str, named: Iterable[str], *, keys: Keys | None) -> frozenset[str] | None:
    """Return the names under which a server answers besides 'localhost' and its addresses.

    Parameters
    ----------
    bound
        Where the server listens.
    named
        Further names.
    keys
        Who has to show a key cannot be tricked by a name, so with keys and without `named` every
        name will do.

    Returns
    -------
    names
        None for every name.
    """
    names = frozenset(_plain(name) for name in named)
    return names | {_plain(bound)} if names or keys is None else None


class HostCheck:
    """Refuse requests under a name that is not the server's.

    A page can give its own domain the address of a server in its reader's network ("DNS
    rebinding") and would then be of the same origin. It cannot do so with an address, so those
    are always welcome.

    Parameters
    ----------
    app
        What is protected.
    names
        The server's, or None for every name.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] | None) -> None:
        self.app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        hosts = values_of(scope, b"host")
        if len(hosts) > 1 or (not hosts and scope["http_version"] != "1.0"):
            detail = f"the request has {len(hosts)} Host headers: send one."
            await refuse(scope, receive, send, 400, detail)
            return
        name = _name_in(hosts[0]) if hosts else "localhost"
        if name is None:
            detail = f"the Host header is {_text(hosts[0])}: expected a name or an address."
            await refuse(scope, receive, send, 400, detail)
        elif self._names is None or name in self._names or _is_local(name):
            await self.app(scope, receive, send)
        else:
            detail = (
                f"this server is not called {shown(name)}: ask by its address, or start it with "
                "--allowed-host and that name."
            )
            await refuse(scope, receive, send, 421, detail)


class SiteCheck:
    """Refuse what a page from elsewhere makes a browser send.

    A page may send a form or text anywhere, to a server of its reader's own computer too. The
    rule is the one of CrossOriginProtection in Go's net/http: browsers say since 2023 whether a
    request crosses sites, older ones at least from where it comes, and other clients neither.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or scope["method"] in _READING or _is_own(scope):
            await self.app(scope, receive, send)
            return
        detail = (
            "a page of another site sent this request: only this server's own pages may ask from "
            "a browser. Behind a proxy, let it pass the Host header on."
        )
        await refuse(scope, receive, send, 403, detail)


def _is_own(scope: Scope) -> bool:
    sites = values_of(scope, b"sec-fetch-site")
    if sites:
        return all(site in {b"same-origin", b"none"} for site in sites)
    hosts = values_of(scope, b"host")
    return all(
        [origin.lower().partition(b"://")[2]] == [host.lower() for host in hosts]
        for origin in values_of(scope, b"origin")
    )


def _name_in(host: bytes) -> str | None:
    found = _HOST.fullmatch(host.decode("latin-1").lower())
    return _plain(found["name"]) if found else None


def _plain(name: str) -> str:
    return name.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def _is_local(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return True


def _text(value: bytes) -> str:
    return shown(value.decode("latin-1"))
