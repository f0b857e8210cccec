"""How long chunks take."""

from weakref import WeakKeyDictionary

from mrigen.serving.work import Kind

_Task = tuple[type, bool]  # and whether in the quick mode

_WEIGHT = 0.1  # of the newest measurement


class Pace:
    """The running mean of the seconds of a chunk, for each network, task and mode.

    It forgets a network with the network's end.
    """

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[object, dict[_Task, tuple[int, float]]] = WeakKeyDictionary()

    def learn(self, kind: Kind, seconds: float) -> None:
        """Take a measurement in."""
        known = self._known.setdefault(kind.network, {})
        count, mean = known.get(_task(kind), (0, seconds))
        # The first chunk of a network is slower than all that follow, so the second replaces it.
        weight = 1.0 if count == 1 else _WEIGHT
        known[_task(kind)] = (count + 1, mean + weight * (seconds - mean))

    def seconds(self, kind: Kind) -> float:
        """Return what a chunk takes; 0 as long as nothing is known."""
        return self._known.get(kind.network, {}).get(_task(kind), (0, 0.0))[1]


def _task(kind: Kind) -> _Task:
    return kind.task, kind.quick
