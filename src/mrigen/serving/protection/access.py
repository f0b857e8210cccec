"""Who asks: the name of a key, or else an address."""

import ipaddress

from starlette.types import ASGIApp, Receive, Scope, Send

from mrigen.serving.keys import Keys
from mrigen.serving.protection.headers import values_of
from mrigen.serving.protection.refusal import refuse

# Where a request's scope says who asks.
CLIENT = "mrigen.client"

OPEN_PATHS = frozenset({"/", "/docs", "/openapi.json", "/health", "/ready"})
_OPEN_FOLDER = "/page/"


def is_open(path: str) -> bool:
    """Return whether everyone may ask for a path, without a key and as often as they like."""
    return path in OPEN_PATHS or path.startswith(_OPEN_FOLDER)


class KeyCheck:
    """Refuse requests without a known key with 401, before their bodies are read.

    Parameters
    ----------
    app
        What is protected.
    keys
        The known ones; None lets everyone in.
    """

    def __init__(self, app: ASGIApp, keys: Keys | None) -> None:
        self.app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the name of who asks, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope[CLIENT] = _address(scope)
        if self._keys is not None and not is_open(scope["path"]):
            key = _sent_key(scope)
            name = None if key is None else self._keys.name_of(key)
            if name is None:
                reason = "this server needs a key" if key is None else "the key is not known here"
                detail = f"{reason}: send one header 'Authorization: Bearer KEY'."
                await refuse(scope, receive, send, 401, detail, {"WWW-Authenticate": "Bearer"})
                return
            scope[CLIENT] = name
        await self.app(scope, receive, send)


def _sent_key(scope: Scope) -> bytes | None:
    values = values_of(scope, b"authorization")
    if len(values) != 1:  # of two, a proxy may have looked at the other one
        return None
    scheme, _, key = values[0].partition(b" ")
    return key.strip(b" ") if scheme.lower() == b"bearer" else None


def _address(scope: Scope) -> str:
    host = str(scope["client"][0]) if scope.get("client") else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv6Address):
        # One client has a whole network of these.
        return str(address.ipv4_mapped or ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)
