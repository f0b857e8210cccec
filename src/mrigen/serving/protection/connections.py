"""Connections that are opened and then left hanging."""

import asyncio
import json
import socket
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from mrigen.serving.protection.headers import SECURITY_HEADERS, SecurityHeaders
from mrigen.serving.protection.refusal import refuse

HEAD_SECONDS = 10  # for the request line and the headers
HEAD_BYTES = 64 * 1024
STALLED_SECONDS = 30  # without reading an answer; what is read gives some back ...
READ_PACE_BYTES = 64 * 1024  # ... a second for each of these
MOST_WAITING = 16  # requests sent on one connection before those ahead of them are answered
# Far more than may wait for samples, far fewer than the open files of a process.
MAX_CONNECTIONS = 256

_CHUNK_BYTES = 12  # around a chunk of a body in chunks: its size and two ends of line
_ALWAYS = frozenset({"/health", "/ready"})  # or a crowd would get the server restarted


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to its patience.

    uvicorn waits for ever for the rest of a request's head, keeps however much of it comes, and
    waits for ever for a client that reads no answer. It keeps any number of requests that come
    before the one ahead of them is answered. Its own refusals are not JSON.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._served = self.app
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        # Seconds that the client may still keep an answer waiting; since when and with how many
        # bytes it does.
        self._patience, self._paused_at, self._unread = float(STALLED_SECONDS), 0.0, 0
        self._in_head = False
        self._active: RequestResponseCycle | None = None  # the request that is being answered
        # Bytes of this request that were neither its body nor the frame of one.
        self._overhead, self._framed, self._fresh = 0, 0, True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request, unless there are far too many connections."""
        super().connection_made(transport)
        if len(self.connections) > 2 * MAX_CONNECTIONS:
            transport.abort()
            return
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # The system gives up on a client that takes nothing, when all is written too.
            raw: socket.socket = transport.get_extra_info("socket")
            milliseconds = int(STALLED_SECONDS * 1000)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for, and tell the request that is being answered."""
        self._stop_waiting()
        self.resume_writing()
        if self._active is not None:  # uvicorn tells the last one that has come
            self._active.disconnected = True
            self._active.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come, and count what is no part of a body."""
        if self._head_timer is None and not self._is_answering():
            self._await_head()
        self._framed = 0
        super().data_received(data)
        if self._fresh:  # some of it belonged to the request before
            self._fresh, self._overhead = False, 0
        else:
            self._overhead = max(0, self._overhead + len(data) - self._framed)
        if self._overhead > HEAD_BYTES and not self.transport.is_closing():
            self._hang_up(431, f"the head of the request is over {HEAD_BYTES} bytes: shorten it.")

    def on_message_begin(self) -> None:
        """Count from here, unless far too much waits for its turn."""
        if self._is_hasty():
            raise ValueError(len(self.pipeline))  # the parser stops
        super().on_message_begin()
        self._in_head = self._fresh = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those after a body are dropped, since nobody checks them."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Pass the request on, if there are not too many connections."""
        self._in_head = False
        self._stop_waiting()
        crowded = len(self.connections) > MAX_CONNECTIONS
        self.app = self._crowded if crowded else self._served
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._framed += len(body)
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """Take the size of a chunk."""
        self._framed += _CHUNK_BYTES

    def pause_writing(self) -> None:
        """Wait for the client to read, for some time."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
            self._count_read()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Refuse what is not HTTP."""
        detail = "this is not a valid HTTP request: send HTTP/1.1."
        if self._is_hasty():
            detail = f"over {MOST_WAITING} requests wait here for their turn: read answers first."
        self._hang_up(400, detail)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active, self._patience = cycle, float(STALLED_SECONDS)
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        pass  # it is answered as if nothing but HTTP/1.1 had been asked for

    async def _crowded(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _ALWAYS:
            await self._served(scope, receive, send)
        else:
            await SecurityHeaders(_refuse_crowd)(scope, receive, send)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _is_hasty(self) -> bool:
        return len(self.pipeline) >= MOST_WAITING

    def _await_reader(self) -> None:
        self._paused_at, self._unread = self.loop.time(), self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self._patience, self._look_at_reader)

    def _look_at_reader(self) -> None:
        """Go on waiting for a client that reads steadily: an answer may be one large piece."""
        self._count_read()
        if self._patience < 0.1 * STALLED_SECONDS:
            self.transport.abort()
        else:
            self._await_reader()

    def _count_read(self) -> None:
        read = self._unread - self.transport.get_write_buffer_size()
        waited = self.loop.time() - self._paused_at
        # Read quickly or not, a client never has more than its first patience.
        self._patience += min(read / READ_PACE_BYTES - waited, STALLED_SECONDS - self._patience)

    def _await_head(self) -> None:
        detail = f"the head of the request did not come within {HEAD_SECONDS} s: send it again."
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._hang_up, 408, detail)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self, status: int, detail: str) -> None:
        active = self._active
        if active is not None and active.response_started and not active.response_complete:
            self.transport.abort()  # two answers cannot be mixed
            return
        body = json.dumps({"detail": detail}).encode()
        headers = {
            **SECURITY_HEADERS,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[status] + lines.encode() + b"\r\n" + body)
        self.transport.close()


async def _refuse_crowd(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Retry-After": "5", "Connection": "close"}
    detail = "too many connections: ask again in 5 s."
    await refuse(scope, receive, send, 503, detail, headers)
