"""Work on a study that one process at a time may do."""

from collections.abc import Callable
from typing import TypeVar

from mrigen.errors import ConnectionLostError
from mrigen.tuning.storage import StudyStorage

_TIMES = 5

Result = TypeVar("Result")


def in_turn(storage: StudyStorage, work: Callable[[], Result]) -> Result:
    """Do something while no other process does, again from its start where the lock was lost.

    Parameters
    ----------
    storage
        Whose lock is held.
    work
        What is done; whatever it had written when it was cut off has to suit its next start.

    Raises
    ------
    ConnectionLostError
        If the lock is lost each time.
    """
    for _ in range(_TIMES - 1):
        try:
            with storage.exclusive():
                return work()
        except ConnectionLostError:
            continue
    with storage.exclusive():
        return work()
