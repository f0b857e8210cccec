"""A real `mrigen serve` that is watched, killed and started again on the same port."""

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx

START_SECONDS = 120
WATCH_SECONDS = 1
KEY = "a-key-for-an-hour-of-chaos-0123456789"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Look(NamedTuple):
    """What a process held at one moment."""

    second: float
    mebibytes: float
    files: int
    threads: int


@dataclass
class Stretch:
    """What one process of the server held from its start to its end."""

    looks: list[Look]

    @property
    def seconds(self) -> float:
        """How long it was watched."""
        return self.looks[-1].second - self.looks[0].second if self.looks else 0.0

    def quarter(self, number: int) -> float:
        """Return the median of the MiB in one of its quarters, from 0 to 3."""
        first, last = (len(self.looks) * end // 4 for end in (number, number + 1))
        return statistics.median(look.mebibytes for look in self.looks[first:last])


class WatchedServer:
    """The command `mrigen serve` on a port of its own."""

    def __init__(self, project: Path, words: tuple[str, ...] = ()) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.stretches: list[Stretch] = []
        self.away = asyncio.Event()  # set while it has been killed and is not back
        self.deaths = 0
        self._log = (project / "server.log").open("ab")
        keys = project / "keys"
        keys.write_text(f"chaos {KEY}\n")
        keys.chmod(0o600)
        self._command = [sys.executable, "-m", "mrigen", "--project", str(project), "serve"]
        self._command += ["--port", str(self.port), "--api-keys", str(keys)]
        self._command += ["--watch", str(WATCH_SECONDS), *words]
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._process = subprocess.Popen(self._command, stderr=self._log)
        end = time.monotonic() + START_SECONDS
        async with httpx.AsyncClient(base_url=self.url) as client:
            while True:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"the server does not start:\n{self.log()[-4000:]}")
                try:
                    if (await client.get("/ready")).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)
        self.stretches.append(Stretch([]))
        self.away.clear()

    async def kill_and_restart(self) -> None:
        """End it as the system does when memory runs out, and start another one."""
        assert self._process is not None
        self.away.set()
        self.deaths += 1
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        await self.start()

    async def stop(self) -> int:
        """Ask it to end; return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, 60)

    def end(self) -> None:
        """End it at once, if it has not ended."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        """Return what it has said."""
        return Path(self._log.name).read_text(errors="replace")

    async def watch(self) -> None:
        """Look every second at what it holds."""
        while True:
            if not self.away.is_set():
                self.stretches[-1].looks.append(self.look())
            await asyncio.sleep(1)

    def look(self) -> Look:
        """Return what it holds now."""
        assert self._process is not None
        folder = Path("/proc", str(self._process.pid))
        pages = int((folder / "statm").read_text().split()[1])
        files, threads = (len(list((folder / name).iterdir())) for name in ("fd", "task"))
        return Look(time.monotonic(), pages * _PAGE_BYTES / 2**20, files, threads)
