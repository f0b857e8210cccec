"""The web server: where it listens, and how it ends."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from mrigen.errors import ConfigError
from mrigen.serving.protection.connections import PatientProtocol
from mrigen.serving.state import ServerState

KEEP_ALIVE_SECONDS = 5
CUT_SECONDS = 5  # for answers that were cut off to notice it

_log = logging.getLogger(__name__)


def bind(host: str, port: int) -> socket.socket:
    """Take an address, before anything is loaded, so that a port in use is told at once.

    Raises
    ------
    ConfigError
        If it cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        # asyncio sends small answers at once only on sockets that name their protocol; without
        # it every answer waits 40 ms for an acknowledgement.
        with contextlib.ExitStack() as on_failure:
            listener = on_failure.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            on_failure.pop_all()
        return listener
    except (OSError, OverflowError, UnicodeError) as error:  # a name such as "a..b" is the last
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen on {host}:{port} ({reason}): choose another --host or --port."
        ) from None


class DrainingServer(uvicorn.Server):
    """A web server that finishes what is under way when it is told to stop.

    Parameters
    ----------
    app
        What it serves.
    state
        Of the application.
    drain_seconds
        After which what is not finished is cut off.
    forwarded_allow_ips
        Proxies whose word on a client's address counts, with commas between; nobody by default.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        state: ServerState,
        *,
        drain_seconds: float,
        forwarded_allow_ips: str | None = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                server_header=False,
                proxy_headers=forwarded_allow_ips is not None,
                forwarded_allow_ips=forwarded_allow_ips or "",
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=CUT_SECONDS,
            )
        )
        self._state, self._drain_seconds = state, drain_seconds

    def stop(self) -> None:
        """Begin to stop; in a signal handler."""
        self._state.draining = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and stop again if the application has found that it cannot serve."""
        await super().startup(sockets)
        self.should_exit = self.should_exit or self._state.draining

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the caller."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse what is new, wait for what is under way, cut off the rest, and end."""
        state, until = self._state, time.monotonic() + self._drain_seconds
        state.draining = True
        if state.under_way:
            _log.info(
                "Stopping: %d requests have %g s to finish.", state.under_way, self._drain_seconds
            )
        while state.under_way and time.monotonic() < until:
            await asyncio.sleep(0.05)
        if state.under_way:
            _log.warning("%d requests were cut off.", state.under_way)
            for connection in list(self.server_state.connections):
                connection.transport.abort()
        await super().shutdown(sockets)
