"""What a run cost: seconds, images per second, memory."""

import resource
import sys
import time
from typing import TypedDict

import torch


class Timing(TypedDict):
    """Cost of one training, as written to `timing.json`."""

    bundle: str
    device: str
    precision: str
    seconds: float
    seconds_per_epoch: float
    images_per_second: float
    peak_memory_gib: float


class Stopwatch:
    """Seconds of work, carried over interruptions.

    Parameters
    ----------
    seconds
        Already spent before an interruption.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds in all."""
        return self._before + time.perf_counter() - self._start


def peak_memory_gib(device: torch.device) -> float:
    """Return the most memory this process has held: on the GPU if it uses one, else resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**30 if sys.platform == "darwin" else 2**20)
