"""Ctrl-C and SIGTERM that wait for a whole step."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_interrupts() -> Iterator[Callable[[], bool]]:
    """Hold the first Ctrl-C or SIGTERM back, and yield a function that tells whether one came.

    An update that is cut in the middle leaves weights and step counter of different moments, so
    the loop asks between two updates. A second signal interrupts at once.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set  # only the main thread may handle signals
        return

    def hold(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - Python's signature
        if came.is_set():
            raise KeyboardInterrupt
        came.set()

    before = {number: signal.signal(number, hold) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
