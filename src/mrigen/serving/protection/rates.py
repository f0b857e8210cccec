"""How often one client may ask."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from mrigen.serving.protection.access import CLIENT, is_open
from mrigen.serving.protection.refusal import refuse

MOST_CLIENTS = 10_000

_MINUTE = 60 * 10**9  # nanoseconds


class Rate:
    """So many requests of a client at once, after which they come back evenly over a minute.

    Parameters
    ----------
    per_minute
        Requests of one client.
    clock
        Nanoseconds that never run backwards.

    Notes
    -----
    The generic cell rate algorithm: of each client one number is kept, the time at which all its
    requests will have come back. Clients whose time is over are forgotten, and beyond
    `MOST_CLIENTS` the one that was silent for longest is.
    """

    def __init__(self, per_minute: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._interval, self._clock = _MINUTE // per_minute, clock
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def wait_of(self, client: str) -> float:
        """Count a request; return 0, or in how many seconds the client may ask again."""
        now = self._clock()
        while self._full_at and next(iter(self._full_at.values())) <= now:
            self._full_at.popitem(last=False)
        full_at = max(now, self._full_at.get(client, 0)) + self._interval
        if full_at > now + _MINUTE:
            return (full_at - now - _MINUTE) / 10**9
        self._full_at[client] = full_at
        self._full_at.move_to_end(client)
        if len(self._full_at) > MOST_CLIENTS:
            self._full_at.popitem(last=False)
        return 0.0


class RateLimit:
    """Refuse requests beyond a client's rate with 429.

    Parameters
    ----------
    app
        What is protected.
    per_minute
        Requests of one client; None for any number.
    """

    def __init__(self, app: ASGIApp, per_minute: int | None) -> None:
        self.app = app
        self._rate = None if per_minute is None else Rate(per_minute)
        self._per_minute = per_minute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if self._rate is None or scope["type"] != "http" or _is_free(scope["path"]):
            await self.app(scope, receive, send)
            return
        wait = self._rate.wait_of(scope[CLIENT])
        if not wait:
            await self.app(scope, receive, send)
            return
        seconds = math.ceil(wait)
        detail = f"over {self._per_minute} requests a minute: ask again in {seconds} s."
        await refuse(scope, receive, send, 429, detail, {"Retry-After": str(seconds)})


def _is_free(path: str) -> bool:
    return is_open(path) or path == "/metrics"  # who measures asks evenly, and all the time
