"""Light clients of an HTTP server: little more than sockets, so that they take few processors."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request that is sent again and again.

    Attributes
    ----------
    port
        Of the server on this machine.
    path
        That is posted to.
    body
        As JSON.
    images
        In the answer.
    """

    port: int
    path: str
    body: dict[str, object]
    images: int

    @property
    def content(self) -> bytes:
        """What goes over the wire."""
        body = json.dumps(self.body).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True)
class Answered:
    """What clients got.

    Attributes
    ----------
    seconds
        From the first request to the last answer.
    client_seconds
        That the clients' process computed.
    latencies
        Seconds of each answer, by status.
    """

    seconds: float
    client_seconds: float
    latencies: dict[int, list[float]]

    @property
    def good(self) -> list[float]:
        """Latencies of the answers with status 200, sorted."""
        return sorted(self.latencies.get(200, []))


class _Line:
    """A connection that is kept open."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._content = asked, asked.content
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self) -> int:
        """Send the request, read the answer and return its status."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._asked.port, limit=2**22
            )
        reader, writer = self._streams
        writer.write(self._content)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b"content-length:" in head:
            length = head.split(b"content-length:")[1].split(b"\r\n")[0]
            await reader.readexactly(int(length))
        else:
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def ask_in_turn(asked: Asked, clients: int, seconds: float) -> Answered:
    """Let each of several clients ask again as soon as it has its answer."""
    latencies: dict[int, list[float]] = {}

    async def client(until: float) -> None:
        line = _Line(asked)
        while (start := time.perf_counter()) < until:
            status = await line.ask()
            latencies.setdefault(status, []).append(time.perf_counter() - start)
            if status == 503:
                await asyncio.sleep(0.1)
        line.close()

    async def main() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(client(until) for _ in range(clients)))

    return _measured(main, latencies)


def ask_at_rate(asked: Asked, rate: float, seconds: float) -> Answered:
    """Ask at a rate that does not wait for answers."""
    latencies: dict[int, list[float]] = {}
    idle: list[_Line] = []

    async def one() -> None:
        line = idle.pop() if idle else _Line(asked)
        start = time.perf_counter()
        try:
            status = await line.ask()
        except (OSError, asyncio.IncompleteReadError):  # an idle connection was closed
            line.close()
            line, status = _Line(asked), 0
        latencies.setdefault(status, []).append(time.perf_counter() - start)
        idle.append(line)

    async def main() -> None:
        start, tasks = time.perf_counter(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(one()))
        await asyncio.gather(*tasks)
        for line in idle:
            line.close()

    return _measured(main, latencies)


def _measured(
    main: Callable[[], Coroutine[Any, Any, None]], latencies: dict[int, list[float]]
) -> Answered:
    start, spent = time.perf_counter(), time.process_time()
    asyncio.run(main())
    return Answered(time.perf_counter() - start, time.process_time() - spent, latencies)
