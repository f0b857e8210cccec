"""Clients of every kind: those who ask rightly, slowly, half, wrongly, and those who leave."""

import asyncio
import random
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO

import httpx
import numpy as np
from chaos_project import ChaosProject, npz, volume
from chaos_server import KEY, WatchedServer

from mrigen.serving.schemas import SampleRequest

HEADERS = {"Authorization": f"Bearer {KEY}"}
FORMATS = ("png", "zip", "npz", "nifti")
_BUSY = (429, 503)


@dataclass
class Chaos:
    """What all clients share, and what they found.

    Attributes
    ----------
    answers
        Counts by kind of client and status; "cut" is an answer that a killed server broke off.
    wrong
        Sentences on what must not have happened.
    """

    project: ChaosProject
    server: WatchedServer
    generators: tuple[str, ...]
    restorers: tuple[str, ...]
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    images: int = 0
    known: dict[tuple[object, ...], bytes] = field(default_factory=dict)

    def client(self) -> httpx.AsyncClient:
        """Return a client with a key, quickly: without certificates, proxies and a past."""
        return httpx.AsyncClient(
            base_url=self.server.url, headers=HEADERS, timeout=120, verify=False, trust_env=False
        )

    def note(self, kind: str, answer: httpx.Response, *, right: tuple[int, ...]) -> bool:
        """Count an answer; return whether it is one with status 200."""
        self.answers[kind, str(answer.status_code)] += 1
        if answer.status_code not in right and answer.status_code not in _BUSY:
            self.wrong.append(f"{kind}: status {answer.status_code}: {answer.text[:200]}")
        if answer.status_code in _BUSY and "retry-after" not in answer.headers:
            self.wrong.append(f"{kind}: status {answer.status_code} without Retry-After")
        return answer.status_code == 200


Act = Callable[[Chaos, random.Random], Awaitable[None]]


async def endure(chaos: Chaos, kind: str, act: Act) -> None:
    """Do something again and again; only a killed server may break it off."""
    rng = random.Random()
    while True:
        before = chaos.server.deaths
        try:
            await act(chaos, rng)
        except (httpx.TransportError, OSError, asyncio.IncompleteReadError) as error:
            chaos.answers[kind, "cut"] += 1
            if chaos.server.deaths == before and not chaos.server.away.is_set():
                chaos.wrong.append(
                    f"{kind}: {type(error).__name__} while the server was up: {error}"
                )
            await asyncio.sleep(0.3)
        await asyncio.sleep(rng.random() * 0.05)


def _request(chaos: Chaos, rng: random.Random) -> tuple[str, SampleRequest]:
    name = rng.choice((*chaos.generators, chaos.project.moved))
    version = rng.choice((None, None, None, *chaos.project.good))
    return name, SampleRequest(
        count=rng.choice((1, 2, 5, 16, 17, 40)),
        seed=rng.randrange(4),
        version=version if name == chaos.project.moved else None,
        format=rng.choice(FORMATS),
    )


async def ask(chaos: Chaos, rng: random.Random) -> None:
    """Ask for samples and compare every byte."""
    name, request = _request(chaos, rng)
    body = request.model_dump(exclude_none=True)
    async with chaos.client() as client:
        answer = await client.post(f"/v1/models/{name}/samples", json=body)
    # A version that is not champion any more is not served.
    if chaos.note("samples", answer, right=(200, 404) if request.version else (200,)):
        await compare(chaos, name, request, answer.headers["mrigen-version"], answer.content)


async def compare(
    chaos: Chaos, name: str, request: SampleRequest, version: str, content: bytes
) -> None:
    """Compare an answer with what was computed beside the server."""
    chaos.images += request.count
    if (name, int(version)) not in chaos.project.served:
        chaos.wrong.append(f"'{name}' was served in version {version}")
        return
    right = await asyncio.to_thread(chaos.project.samples, name, int(version), request)
    if right != content:
        chaos.wrong.append(f"wrong bytes: '{name}' version {version}: {request!r}")


async def restore(chaos: Chaos, rng: random.Random) -> None:
    """Send slices to be restored, or to be searched for what is unusual."""
    name, task = rng.choice(chaos.restorers), rng.choice(("restore", "anomaly"))
    count, seed = rng.choice((1, 3, 16)), rng.randrange(4)
    wanted = rng.choice(("npz", "npz", "png", "nifti"))
    images = slices(chaos, name, count, seed)
    content = volume(images) if wanted == "nifti" else npz(images=images)
    async with chaos.client() as client:
        answer = await client.post(
            f"/v1/models/{name}/{task}", params={"format": wanted}, content=content
        )
    if not chaos.note("restore and anomaly", answer, right=(200,)):
        return
    chaos.images += count
    known = chaos.known.setdefault((name, task, count, seed, wanted), answer.content)
    if known != answer.content:
        chaos.wrong.append(f"other bytes than before: {task} of '{name}' as {wanted}, seed {seed}")
    if wanted == "npz" and known is answer.content:
        with np.load(BytesIO(answer.content), allow_pickle=False) as arrays:
            found = arrays["images" if task == "restore" else "restored"]
        right = await asyncio.to_thread(chaos.project.restored, name, images)
        if not np.array_equal(found, right):
            chaos.wrong.append(f"wrong values: {task} of '{name}', seed {seed}")


def slices(chaos: Chaos, name: str, count: int, seed: int) -> np.ndarray:
    """Return slices of a model's own size."""
    size = chaos.project.size(name)
    return np.random.default_rng(seed).random((count, size, size), np.float32)


async def read_slowly(chaos: Chaos, rng: random.Random) -> None:
    """Take a long answer in small pieces with pauses, and compare every byte."""
    name = rng.choice(chaos.generators)
    request = SampleRequest(count=600, seed=7, format=rng.choice(("npz", "zip", "nifti")))
    parts = []
    async with (
        chaos.client() as client,
        client.stream(
            "POST", f"/v1/models/{name}/samples", json=request.model_dump(exclude_none=True)
        ) as answer,
    ):
        if answer.status_code != 200:
            await answer.aread()
        else:
            async for part in answer.aiter_raw(chunk_size=64 * 1024):
                parts.append(part)
                await asyncio.sleep(0.02)
    if chaos.note("slow readers", answer, right=(200,)):
        await compare(chaos, name, request, answer.headers["mrigen-version"], b"".join(parts))


async def leave(chaos: Chaos, rng: random.Random) -> None:
    """Go away in the midst of an answer."""
    name = rng.choice(chaos.generators)
    body = {"count": 5000, "seed": rng.randrange(9), "format": rng.choice(("npz", "zip", "nifti"))}
    left = rng.choice((0, 1, 100_000, 1_000_000))
    async with (
        chaos.client() as client,
        client.stream("POST", f"/v1/models/{name}/samples", json=body) as answer,
    ):
        if answer.status_code != 200:
            await answer.aread()
        elif left:
            async for part in answer.aiter_raw(chunk_size=16 * 1024):
                left -= len(part)
                if left <= 0:
                    break
    chaos.note("leavers", answer, right=(200,))


async def send_half(chaos: Chaos, rng: random.Random) -> None:
    """Send a part of a request, wait a little, and hang up with or without manners."""
    name = rng.choice(chaos.generators)
    head = (
        f"POST /v1/models/{name}/samples HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        'Content-Length: 400\r\n\r\n{"count": 3, '
    ).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", chaos.server.port)
    try:
        writer.write(head[: rng.randrange(1, len(head))])
        await writer.drain()
        await asyncio.sleep(rng.random() * 2)
        if rng.random() < 0.5:  # no orderly end: the connection is reset
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(1, 13, linger)
    finally:
        writer.close()
    chaos.answers["half requests", "left"] += 1


async def send_wrong(chaos: Chaos, rng: random.Random) -> None:
    """Send what cannot be answered."""
    restorer, generator = rng.choice(chaos.restorers), rng.choice(chaos.generators)
    good = npz(images=slices(chaos, restorer, 2, 0))
    restore_at, samples_at = f"/v1/models/{restorer}/restore", f"/v1/models/{generator}/samples"
    path, content, extra = rng.choice((
        (restore_at, rng.randbytes(3000), {}),
        (restore_at, good[: rng.randrange(len(good))], {"Content-Type": "application/x-npz"}),
        (restore_at, good, {"Content-Type": "image/png"}),
        (restore_at + "?colour=red", good, {}),
        (restore_at, b"\x1f\x8b" + rng.randbytes(500), {"Content-Type": "application/gzip"}),
        (restore_at, npz(images=np.full((1, 64, 64), np.nan, np.float32)), {}),
        (samples_at, b'{"count": 0}', {"Content-Type": "application/json"}),
        (samples_at, b'{"count": 1e99}', {"Content-Type": "application/json"}),
        (samples_at, b"[" * 5000, {"Content-Type": "application/json"}),
        (samples_at, rng.randbytes(200_000), {"Content-Type": "application/json"}),
        (f"/v1/models/{restorer}%00/samples", b"{}", {"Content-Type": "application/json"}),
        (samples_at, b"{}", {"Authorization": "Bearer another"}),
    ))  # fmt: skip
    async with chaos.client() as client:
        answer = await client.post(path, content=content, headers=extra)
    right = (400, 401, 404, 408, 413, 415, 422)
    if chaos.note("wrong requests", answer, right=right):
        chaos.wrong.append(f"a wrong request to {path} was answered")
    elif set(answer.json()) != {"detail"}:
        chaos.wrong.append(f"{path}: a refusal that is no sentence: {answer.text[:200]}")
