"""Whose rows are computed next."""

from dataclasses import dataclass, field

from mrigen.models.sampling import CHUNK
from mrigen.serving.engine.entries import Entry
from mrigen.serving.engine.pace import Pace
from mrigen.serving.work import Kind


@dataclass(eq=False)
class _Group:
    """Entries of one kind, and the computing time they have had together."""

    spent: float
    entries: list[Entry] = field(default_factory=list)


class Turns:
    """Entries that want computing, by kind.

    Kinds share the computing time equally: the one that has had the least is next, and one that
    comes new, or back, starts level with the one that had the last turn. Entries of a kind take
    turns: at its turn an entry gets a chunk. What it leaves of the chunk goes to others of its
    kind, those with the fewest rows left first, and they keep their turns.

    Parameters
    ----------
    pace
        How long the chunks of a kind take.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._groups: dict[Kind, _Group] = {}
        self._clock, self._turn = 0.0, 0

    def add(self, entry: Entry) -> None:
        """Let an entry take part; its turn comes after those of all others of its kind."""
        group = self._groups.setdefault(entry.kind, _Group(self._clock))
        self._to_the_end(entry)
        group.entries.append(entry)

    def discard(self, entry: Entry) -> None:
        """Let an entry take part no more."""
        group = self._groups.get(entry.kind)
        if group is not None and entry in group.entries:
            group.entries.remove(entry)
            if not group.entries:
                del self._groups[entry.kind]

    def take(self, fewest: int = 1) -> list[tuple[Entry, range]]:
        """Give out the rows of the next chunk; none if there is nothing to do.

        Parameters
        ----------
        fewest
            Rows of a kind that are worth a chunk.
        """
        able = {}
        for kind, group in self._groups.items():
            ready = sum(entry.ready for entry in group.entries)
            if ready >= fewest:
                able[kind] = group
            elif not ready:
                group.spent = max(group.spent, self._clock)
        if not able:
            return []
        kind, group = min(able.items(), key=lambda item: item[1].spent)
        chunk = _fill(group.entries)
        self._to_the_end(chunk[0][0])
        group.spent += self._pace.seconds(kind)
        self._clock = max(self._clock, group.spent)
        for entry, _ in chunk:
            if not entry.waiting:
                self.discard(entry)
        return chunk

    def seconds_ahead(self, kind: Kind, rows: int) -> float:
        """Estimate how much computing is done before `rows` new ones of a kind are.

        Entries and kinds take turns, so of each no more than as much again is ahead. An entry
        whose reader is behind takes no turns, however much of it waits.
        """
        by_kind = {
            other: sum(min(entry.waiting, rows) for entry in group.entries if entry.ready)
            for other, group in self._groups.items()
        }
        own = self._seconds(kind, by_kind.pop(kind, 0))
        level = own + self._seconds(kind, rows)
        return own + sum(
            min(self._seconds(other, count), level) for other, count in by_kind.items()
        )

    def _seconds(self, kind: Kind, rows: int) -> float:
        return -(-rows // CHUNK) * self._pace.seconds(kind)

    def _to_the_end(self, entry: Entry) -> None:
        self._turn += 1
        entry.turn = self._turn


def _fill(entries: list[Entry]) -> list[tuple[Entry, range]]:
    able = [entry for entry in entries if entry.ready]
    first = min(able, key=lambda entry: entry.turn)
    chunk = [(first, first.take(CHUNK))]
    free = CHUNK - len(chunk[0][1])
    if free:
        able.remove(first)
        able.sort(key=lambda entry: (entry.waiting, entry.turn))
        for entry in able:
            chunk.append((entry, entry.take(free)))
            free -= len(chunk[-1][1])
            if not free:
                break
    return chunk
