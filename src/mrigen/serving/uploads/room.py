"""Room for a few uploads at a time, as each may unpack to hundreds of megabytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mrigen.serving.batcher import Busy

AT_ONCE = 4
_WAITING = 16
_RETRY_SECONDS = 2


class UploadRoom:
    """Places for uploads, from decoding until the answer has been sent.

    Parameters
    ----------
    at_once
        Uploads that are unpacked in memory.
    waiting
        Uploads that may wait, still packed.

    Attributes
    ----------
    held
        Uploads that have a place or wait for one.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = _WAITING) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most, self.held = at_once + waiting, 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and keep it.

        Raises
        ------
        Busy
            At once, if too many are waiting.
        """
        if self.held >= self._most:
            raise Busy(_RETRY_SECONDS)
        self.held += 1
        try:
            async with self._places:
                yield
        finally:
            self.held -= 1
