"""A piece of work in the engine: what of it is computed, and what of that is fetched."""

import asyncio
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mrigen.serving.work import Kind, Work


@dataclass(eq=False)
class Entry:
    """Work that has been taken on.

    Its reader changes it on the event loop and lanes change it in their threads, all under the
    engine's lock, but for `waiter`, which is the event loop's alone.

    Attributes
    ----------
    work
        What is asked for.
    window
        Rows that may be computed ahead of the reader.
    kind
        Of the work.
    taken
        Rows that lanes have begun; they begin them in order.
    fetched
        Rows that the reader has.
    turn
        When it last had a turn; who had none for longest is next.
    failure
        Why there will be no more images.
    left
        Whether the reader has gone.
    waiter
        Resolved when there is something new for the reader.
    """

    work: Work
    window: int
    kind: Kind = field(init=False)
    taken: int = 0
    fetched: int = 0
    turn: int = 0
    failure: Exception | None = None
    left: bool = False
    waiter: asyncio.Future[None] | None = None
    _parts: dict[int, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kind = self.work.kind

    @property
    def waiting(self) -> int:
        """Rows that no lane has begun."""
        return len(self.work) - self.taken

    @property
    def ready(self) -> int:
        """Rows that a lane may begin now."""
        return max(0, min(len(self.work), self.fetched + self.window) - self.taken)

    @property
    def finished(self) -> bool:
        """Whether the reader has everything."""
        return self.fetched == len(self.work)

    def take(self, most: int) -> range:
        """Begin up to `most` rows."""
        start = self.taken
        self.taken += min(self.ready, most)
        return range(start, self.taken)

    def put(self, start: int, images: Tensor) -> None:
        """Lay down the rows from `start` on for the reader."""
        self._parts[start] = images

    def fetch(self) -> Tensor | None:
        """Return the next rows in order, as many as there are; None if the next is missing."""
        parts = []
        while (part := self._parts.pop(self.fetched, None)) is not None:
            parts.append(part)
            self.fetched += len(part)
        if len(parts) > 1:
            return torch.cat(parts)
        return parts[0] if parts else None

    def end(self, failure: Exception | None = None) -> None:
        """Compute no more of it and forget what has been computed."""
        self.failure = failure
        self.taken = len(self.work)
        self._parts.clear()
