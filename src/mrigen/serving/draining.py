"""The end of a server: what is under way is finished, and nothing new begins."""

from starlette.types import ASGIApp, Receive, Scope, Send

from mrigen.serving.protection.refusal import refuse
from mrigen.serving.state import ServerState

RETRY_SECONDS = 5  # after which another server may answer in this one's place

# They say that the server stops, to those who have to send clients elsewhere.
_ALWAYS = frozenset({"/health", "/ready", "/metrics"})


class DrainGate:
    """Count requests under way, and refuse new ones while the server drains.

    Parameters
    ----------
    app
        What is behind the gate.
    state
        Of the server; `draining` closes the gate.
    """

    def __init__(self, app: ASGIApp, state: ServerState) -> None:
        self.app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._state.draining and scope["path"] not in _ALWAYS:
            headers = {"Retry-After": str(RETRY_SECONDS), "Connection": "close"}
            detail = f"the server is stopping: ask again in {RETRY_SECONDS} s."
            await refuse(scope, receive, send, 503, detail, headers)
            return
        self._state.under_way += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._state.under_way -= 1
