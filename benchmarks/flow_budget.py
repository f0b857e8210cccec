"""The seconds that each contender of `flow_comparison.py` has for its training."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

ClockKind = Literal["wall", "cpu"]


class Budget(NamedTuple):
    """How long a training may take, and by which clock.

    Attributes
    ----------
    seconds
        For each contender.
    clock
        "wall" for the seconds that pass; "cpu" for those that the process computes, all threads
        together, divided by `cores`: as many, however busy the machine is.
    cores
        That one second of the budget stands for.
    """

    seconds: float
    clock: ClockKind
    cores: int

    def now(self) -> float:
        """Return what the clock shows; differences are seconds of the budget."""
        return time.perf_counter() if self.clock == "wall" else time.process_time() / self.cores


class Calibration(NamedTuple):
    """What the first epochs of a training took.

    Attributes
    ----------
    startup
        Seconds that the first epoch took beyond the others.
    per_epoch
        Seconds of an epoch, with what follows it.
    per_look
        Seconds of a look at the averages.
    """

    startup: float
    per_epoch: float
    per_look: float = 0.0

    def epochs(self, seconds: float, looks: Callable[[int], int] = lambda _: 0) -> int:
        """Return how many whole epochs a budget has room for, at least one.

        Parameters
        ----------
        seconds
            The budget.
        looks
            How many looks a training of so many epochs takes.

        Examples
        --------
        >>> Calibration(startup=1.0, per_epoch=2.0).epochs(12.0)
        5
        """
        most = max(1, math.floor((seconds - self.startup) / self.per_epoch))
        for epochs in range(most, 1, -1):
            spent = self.startup + epochs * self.per_epoch + looks(epochs) * self.per_look
            if spent <= seconds:
                return epochs
        return 1


def calibrate(ends: Sequence[float]) -> Calibration:
    """Learn from a short run what an epoch takes.

    Parameters
    ----------
    ends
        When each of its epochs ended, in seconds since it began; at least two.

    Examples
    --------
    >>> calibrate([3.0, 5.0, 7.0])
    Calibration(startup=1.0, per_epoch=2.0, per_look=0.0)
    """
    per_epoch = (ends[-1] - ends[0]) / (len(ends) - 1)
    return Calibration(max(0.0, ends[0] - per_epoch), per_epoch)
