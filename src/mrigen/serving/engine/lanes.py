"""Threads that compute chunks."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread

import torch
from torch import Tensor

from mrigen.models.sampling import CHUNK, single_threaded
from mrigen.serving.engine.entries import Entry
from mrigen.serving.work import Piece, compute

Rows = tuple[Entry, range]


class ComputingFailed(Exception):  # noqa: N818 - as it is told: the server failed
    """A network failed at images that were asked for; the cause says how."""


@dataclass(frozen=True)
class Outcome:
    """A chunk that a lane is done with.

    Attributes
    ----------
    chunk
        What it was asked to compute.
    answers
        For each part of the chunk the images, or why there are none.
    seconds
        That it took.
    """

    chunk: Sequence[Rows]
    answers: Sequence[Tensor | Exception]
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether any images are missing."""
        return any(isinstance(answer, Exception) for answer in self.answers)


class Lanes:
    """Threads that each take the next chunk, compute it, and take the next.

    Every lane computes with one thread of torch. Networks answer with other last bits when they
    share their sums out to more, so an answer would depend on the machine's cores.

    Parameters
    ----------
    count
        How many.
    next_chunk
        Waits for a lane's next chunk; an empty one ends the lane.
    settle
        Takes what a lane has done.
    """

    def __init__(
        self,
        count: int,
        next_chunk: Callable[[], Sequence[Rows]],
        settle: Callable[[Outcome], None],
    ) -> None:
        self._next_chunk, self._settle = next_chunk, settle
        self._loop = asyncio.get_running_loop()
        self._running = count
        self._ended = asyncio.Event()
        # A process that is made to end does not wait for a chunk.
        self._threads = [
            Thread(target=self._lane, name=f"lane-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def join(self) -> None:
        """Wait for the end of the threads, beside which the event loop goes on."""
        await self._ended.wait()
        for thread in self._threads:
            thread.join()

    def _lane(self) -> None:
        try:
            with single_threaded():
                while chunk := self._next_chunk():
                    self._settle(_compute(chunk))
                    del chunk  # a lane that waits keeps no network alive
        finally:
            with contextlib.suppress(RuntimeError):  # the loop was closed without waiting
                self._loop.call_soon_threadsafe(self._count_down)

    def _count_down(self) -> None:
        self._running -= 1
        if not self._running:
            self._ended.set()


def _compute(chunk: Sequence[Rows]) -> Outcome:
    started = time.perf_counter()
    answers: Sequence[Tensor | Exception]
    try:
        images = compute([Piece(entry.work, rows) for entry, rows in chunk])
        answers = _parts(images, [len(rows) for _, rows in chunk])
    # Whatever a network raises, running out of memory included, is the end of the jobs in this
    # chunk, and not of the lane.
    except Exception as error:
        answers = [error] * len(chunk)
    return Outcome(chunk, answers, time.perf_counter() - started)


def _parts(images: Tensor, sizes: list[int]) -> Sequence[Tensor | Exception]:
    # A part is a view of its chunk, which would live as long as the slowest reader of it.
    parts = [
        part if len(part) == CHUNK else part.clone() for part in images.split_with_sizes(sizes)
    ]
    if torch.isfinite(images).all():
        return parts
    return [
        part
        if torch.isfinite(part).all()
        else ComputingFailed("the network gave images that are not finite")
        for part in parts
    ]
