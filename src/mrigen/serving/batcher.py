"""The engine: work of all clients, computed in chunks that clients share."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from threading import Condition
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from mrigen.models.interfaces import Quick, Reconstructor, Sampler
from mrigen.models.sampling import CHUNK
from mrigen.serving.engine.admission import Admission, Busy, held_bytes
from mrigen.serving.engine.counts import Counts
from mrigen.serving.engine.entries import Entry
from mrigen.serving.engine.job import Job
from mrigen.serving.engine.lanes import ComputingFailed, Lanes, Outcome, Rows
from mrigen.serving.engine.pace import Pace
from mrigen.serving.engine.turns import Turns
from mrigen.serving.served import ServedModel
from mrigen.serving.work import Drawing, Restoring, Work

__all__ = ["Batcher", "Busy", "ComputingFailed", "Counts", "Job"]

_WINDOW = 4 * CHUNK  # rows that may be computed ahead of a reader; more where lanes are many
_WARM_ROWS = 3 * CHUNK  # the first chunk says nothing of the pace
_RESTART_SECONDS = 5  # after which another server may answer in place of one that stops


class Batcher:
    """Computes work in chunks, beside the event loop: an asynchronous context.

    All methods are for the thread of the event loop, and `_next` and `_settle` for lanes.
    Leaving the context ends the work that is left, after the chunks that are being computed.

    Parameters
    ----------
    lanes
        Chunks computed at the same time, each by one thread.
    places
        Jobs that may be under way or waiting.
    wait_seconds
        Of computing that may be ahead of a job when it is taken on.
    most_held_bytes
        Of images that may wait to be answered. A job by itself may have more.
    """

    def __init__(
        self,
        *,
        lanes: int = 1,
        places: int = 64,
        wait_seconds: float = 10.0,
        most_held_bytes: int = 2**29,
    ) -> None:
        self._lane_count = lanes
        self._window = max(_WINDOW, 2 * lanes * CHUNK)
        self._lock = Condition()
        self._stopping = True
        self._pace = Pace()
        self._turns = Turns(self._pace)
        self._admission = Admission(self._turns, lanes, places, wait_seconds, most_held_bytes)
        self._entries: set[Entry] = set()
        self._counts = Counts()
        self._parts = 0  # chunks that are being computed and are not full
        self._woken: list[Entry] = []  # jobs with news that the event loop does not know yet

    async def __aenter__(self) -> Self:
        self._loop, self._stopping, self._woken = asyncio.get_running_loop(), False, []
        self._lanes = Lanes(self._lane_count, self._next, self._settle)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._stopping = True
            for entry in self._entries:
                self._turns.discard(entry)
                entry.end(_stopped())
                self._wake(entry)
            self._lock.notify_all()
        await self._lanes.join()

    @property
    def counts(self) -> Counts:
        """The counters at this moment."""
        with self._lock:
            return replace(
                self._counts,
                jobs=len(self._entries),
                waiting_images=sum(entry.waiting for entry in self._entries),
                held_bytes=held_bytes(self._entries),
            )

    def submit(self, work: Work) -> Job:
        """Take work on.

        Raises
        ------
        Busy
            At once, if there is no place, too much is waiting, or no more work is taken on.
        """
        with self._lock:
            try:
                if self._stopping:
                    raise Busy(_RESTART_SECONDS)
                self._admission.check(work, self._entries)
            except Busy:
                self._counts.refused_jobs += 1
                raise
            return self._take_on(work)

    async def warm(self, model: ServedModel) -> None:
        """Compute what a model can, so that the first client does not wait for its start.

        Raises
        ------
        ComputingFailed
            If the network cannot.
        """
        network, size = model.network, model.image_size
        works: list[Work] = []
        if isinstance(network, Sampler):
            works.append(Drawing(network, range(_WARM_ROWS), {}))
            if isinstance(network, Quick):
                works.append(Drawing(network, range(_WARM_ROWS), {}, quick=True))
        if isinstance(network, Reconstructor):
            works.append(Restoring(network, torch.zeros(_WARM_ROWS, 1, size, size)))
        for work in works:
            with self._lock:
                job = self._take_on(work)
            async with job:
                async for _ in job:
                    pass

    def fetch(self, entry: Entry) -> Tensor | None:
        """Return the next images of a job, None if they are not there yet."""
        with self._lock:
            images = entry.fetch()
            if images is not None and entry.ready:
                self._lock.notify(self._chunks(entry))
            return images

    def leave(self, entry: Entry) -> None:
        """Take a job out, on the event loop; what is left of it is not computed."""
        with self._lock:
            if entry.left:
                return
            entry.left = True
            self._counts.dropped_jobs += not entry.finished and entry.failure is None
            self._turns.discard(entry)
            entry.end(entry.failure)
            self._entries.discard(entry)

    def abandon(self, entry: Entry) -> None:
        """Take a job out from whatever thread collects garbage."""
        with suppress(RuntimeError):  # the loop has been closed, and nothing matters any more
            self._loop.call_soon_threadsafe(self.leave, entry)

    def _take_on(self, work: Work) -> Job:
        entry = Entry(work, self._window)
        self._entries.add(entry)
        if self._stopping:
            entry.end(_stopped())
        elif entry.ready:
            self._turns.add(entry)
            self._lock.notify(self._chunks(entry))
        return Job(self, entry)

    def _chunks(self, entry: Entry) -> int:
        return min(-(-entry.ready // CHUNK), self._lane_count)

    def _next(self) -> Sequence[Rows]:
        """Wait for a chunk to compute, in a lane's thread; it is empty when there will be none."""
        with self._lock:
            while not self._stopping:
                # Half of the lanes wait for companions while the others compute chunks that are
                # not full: they would cost as much, and take the processor from whoever comes.
                may_be_part = self._parts < max(1, self._lane_count // 2)
                chunk = self._turns.take(1 if may_be_part else CHUNK)
                if chunk:
                    self._parts += _is_part(chunk)
                    return chunk
                self._lock.wait()
            return ()

    def _settle(self, outcome: Outcome) -> None:
        """Take what a lane has done, in its thread."""
        with self._lock:
            if _is_part(outcome.chunk):
                self._parts -= 1
                self._lock.notify()
            for (entry, rows), answer in zip(outcome.chunk, outcome.answers, strict=True):
                if isinstance(answer, Exception):
                    self._turns.discard(entry)
                    entry.end(answer)
                elif entry.failure is None and not entry.left:
                    entry.put(rows.start, answer)
                self._wake(entry)
            self._counts.add(outcome)
            if not outcome.failed:
                self._pace.learn(outcome.chunk[0][0].kind, outcome.seconds)

    def _wake(self, entry: Entry) -> None:
        # One call of the event loop tells all readers that have news by then.
        if not self._woken:
            with suppress(RuntimeError):  # the loop was closed without leaving the context
                self._loop.call_soon_threadsafe(self._tell_readers)
        self._woken.append(entry)

    def _tell_readers(self) -> None:
        with self._lock:
            woken, self._woken = self._woken, []
        for entry in woken:
            if entry.waiter is not None and not entry.waiter.done():
                entry.waiter.set_result(None)


def _is_part(chunk: Sequence[Rows]) -> bool:
    return sum(len(rows) for _, rows in chunk) < CHUNK


def _stopped() -> ComputingFailed:
    return ComputingFailed("the server stopped")
