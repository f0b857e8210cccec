"""The place where requests wait for the processor."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

Answer = TypeVar("Answer")


class Busy(Exception):  # noqa: N818 - a state, not a fault
    """As many requests are waiting as may wait."""


class Desk:
    """Runs work one piece at a time, beside the event loop, and lets few requests wait.

    A network uses all cores by itself, so two at once would only slow each other down.

    Parameters
    ----------
    places
        Requests that may be at the desk at once, the one being served among them.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Wait for a turn and return what `work` returns.

        Raises
        ------
        Busy
            At once, if every place is taken.
        """
        if self._taken >= self._places:
            raise Busy
        self._taken += 1
        try:
            async with self._turn:
                return await run_in_threadpool(work)
        finally:
            self._taken -= 1
