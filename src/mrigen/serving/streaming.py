"""Answers whose images are computed while they are sent."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mrigen.serving.batcher import Job
from mrigen.serving.encoding import Encoder
from mrigen.serving.state import ServerState
from mrigen.serving.work import Work

_FEW_PIXELS = 2**16  # less than a millisecond in any format


class JobResponse(Response):
    """Sends the file of some work piece by piece, never holding more than one piece.

    The first piece is made before the status is sent: what fails by then is an answer of its own.
    What fails later ends the connection, so that a file cut short never looks whole. When the
    client goes, the work is dropped.

    Parameters
    ----------
    state
        Whose engine computes.
    work
        To compute.
    encoder
        Makes the file.
    media_type
        Of the file.
    headers
        Of the answer; the length is added where the encoder knows it.
    images
        Told how many images have been computed, chunk by chunk.
    few_pixels
        So many are encoded on the event loop, as going to another thread would take longer.
    """

    def __init__(
        self,
        state: ServerState,
        work: Work,
        encoder: Encoder,
        *,
        media_type: str,
        headers: Mapping[str, str],
        images: Callable[[int], None] = lambda _: None,
        few_pixels: int = _FEW_PIXELS,
    ) -> None:
        # Not those of the parent, which wants to know the body.
        self.status_code, self.media_type, self.background = 200, media_type, None
        self._state, self._work, self._encoder, self._images = state, work, encoder, images
        self._few_pixels = few_pixels
        self.body = b""
        self.init_headers(headers)
        del self.headers["content-length"]

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Answer, for as long as the client is there."""
        await while_connected(receive, self._answer(send))

    async def _answer(self, send: Send) -> None:
        async with (
            self._state.batcher.submit(self._work) as job,
            aclosing(self._pieces(job)) as pieces,
        ):
            first = await anext(pieces)
            if self._encoder.size is not None:
                self.headers["content-length"] = str(self._encoder.size)
            status, headers = self.status_code, self.raw_headers
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pieces(self, job: Job) -> AsyncGenerator[bytes]:
        pixels = 0
        async for images in job:
            pixels += images.numel()
            piece = await self._encode(images.numel(), partial(self._encoder.add, images))
            self._images(len(images))
            if piece:
                yield piece
        yield await self._encode(pixels, self._encoder.finish)

    async def _encode(self, pixels: int, encode: Callable[[], bytes]) -> bytes:
        return encode() if pixels <= self._few_pixels else await run_in_threadpool(encode)


async def while_connected(receive: Receive, work: Coroutine[object, object, None]) -> None:
    """Run until done, or cancel when the client has gone."""
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.wait((task, gone))
    if not task.cancelled():
        task.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
