"""What a run costs: seconds, images per second, memory."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

import torch

_STATUS = Path("/proc/self/status")


class Timing(TypedDict):
    """Cost of one training, as written to `timing.json`.

    Joules are there only where they can be read, and what looks at the averages took, beside the
    seconds of training, only where there were any.
    """

    bundle: str
    device: str
    precision: str
    seconds: float
    seconds_per_epoch: float
    images_per_second: float
    peak_memory_gib: float
    energy_source: str
    joules: NotRequired[float]
    kilowatt_hours: NotRequired[float]
    mean_watts: NotRequired[float]
    look_seconds: NotRequired[float]


class Stopwatch:
    """Seconds of work, carried over interruptions.

    Parameters
    ----------
    seconds
        Already spent before an interruption.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._start: float | None = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds in all."""
        running = 0.0 if self._start is None else time.perf_counter() - self._start
        return self._before + running

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still while something else is done."""
        self._before, self._start = self.seconds, None
        try:
            yield
        finally:
            self._start = time.perf_counter()


class Pace(NamedTuple):
    """Seconds of one call, over windows of several calls.

    Attributes
    ----------
    median, fastest, slowest
        Of the windows' means.
    """

    median: float
    fastest: float
    slowest: float


def time_calls(
    call: Callable[[], object], *, device: torch.device, warm_up: int, windows: int, calls: int
) -> Pace:
    """Time a function that keeps a device busy.

    Parameters
    ----------
    call
        One unit of work.
    device
        Waited for at the ends of each window: GPUs work on after a call has returned.
    warm_up
        Calls before the clock starts, in which kernels are chosen and memory is fetched.
    windows, calls
        How often the clock runs, over how many calls each time.
    """
    for _ in range(warm_up):
        call()
    seconds = []
    for _ in range(windows):
        _wait_for(device)
        start = time.perf_counter()
        for _ in range(calls):
            call()
        _wait_for(device)
        seconds.append((time.perf_counter() - start) / calls)
    return Pace(statistics.median(seconds), min(seconds), max(seconds))


def peak_memory_gib(device: torch.device) -> float:
    """Return the most memory this process has held: on the GPU if it uses one, else resident.

    Apple's driver does not tell a peak; there it is what the driver holds now.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    if device.type == "mps":
        return torch.mps.driver_allocated_memory() / 2**30
    return _peak_resident_bytes() / 2**30


def _peak_resident_bytes() -> int:
    # Linux hands `ru_maxrss` from a process to those it starts, so that a small one seems to
    # have held what a large one had; its high-water mark in /proc is its own.
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
