"""What a client holds of its work in the engine."""

import asyncio
from types import TracebackType
from typing import Protocol, Self

from torch import Tensor

from mrigen.serving.engine.entries import Entry
from mrigen.serving.engine.lanes import ComputingFailed


class Desk(Protocol):
    """Where a job gets its images from."""

    def fetch(self, entry: Entry) -> Tensor | None:
        """Return what there is of an entry."""
        ...

    def leave(self, entry: Entry) -> None:
        """Take an entry out, on the event loop."""
        ...

    def abandon(self, entry: Entry) -> None:
        """Take an entry out from whatever thread collects garbage."""
        ...


class Job:
    """Work that has been taken on: an asynchronous context, and an iterator over its images.

    It yields images, (N, 1, H, W) float32 in [0, 1] on the CPU, in order, some at a time. At
    most a window of them is computed ahead. Leaving the context drops what is left, and so does
    the end of a job whose context was never entered.
    """

    def __init__(self, desk: Desk, entry: Entry) -> None:
        self._desk, self._entry = desk, entry

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._desk.leave(self._entry)

    def __del__(self) -> None:
        if not self._entry.left:
            self._desk.abandon(self._entry)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Tensor:
        entry = self._entry
        while (images := self._desk.fetch(entry)) is None:
            if entry.failure is not None:
                raise ComputingFailed("the images could not be computed") from entry.failure
            if entry.finished or entry.left:
                raise StopAsyncIteration
            entry.waiter = asyncio.get_running_loop().create_future()
            await entry.waiter
        return images
