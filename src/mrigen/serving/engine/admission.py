"""Whether one more job is taken on."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from mrigen.models.sampling import CHUNK
from mrigen.serving.engine.entries import Entry
from mrigen.serving.engine.turns import Turns
from mrigen.serving.work import Work

_MOST_AHEAD = 16 * CHUNK  # what is longer streams, so that its end is not waited for


class Busy(Exception):  # noqa: N818 - a state, not a fault
    """As much work is waiting as may wait.

    Attributes
    ----------
    retry_seconds
        When to ask again, a whole number from 1.
    """

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(f"busy for {retry_seconds} s")
        self.retry_seconds = retry_seconds


@dataclass(frozen=True)
class Admission:
    """What may be under way or waiting.

    Attributes
    ----------
    turns
        Who is computed next.
    lanes
        Chunks computed at the same time.
    places
        Jobs at once.
    wait_seconds
        Of computing that may be ahead of a job.
    most_held_bytes
        Of images that may wait to be answered, unless it is one job's.
    """

    turns: Turns
    lanes: int
    places: int
    wait_seconds: float
    most_held_bytes: int

    def check(self, work: Work, entries: Collection[Entry]) -> None:
        """Refuse work for which there is no place beside `entries`.

        Raises
        ------
        Busy
            If there is none.
        """
        ahead = self.turns.seconds_ahead(work.kind, min(len(work), _MOST_AHEAD)) / self.lanes
        held = held_bytes(entries)
        if (
            len(entries) >= self.places
            or ahead > self.wait_seconds
            or (held and held + work.held_bytes > self.most_held_bytes)
        ):
            raise Busy(max(1, math.ceil(ahead / 2)))


def held_bytes(entries: Collection[Entry]) -> int:
    """Return the memory of images that wait to be answered."""
    return sum(entry.work.held_bytes for entry in entries)
