"""What a signal to stop does, from the first moment on: imports alone take seconds."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """The first signal stops in order, the second one at once.

    Attributes
    ----------
    stop
        Called by the first signal, once there is something to stop.
    """

    def __init__(self) -> None:
        self.stop: Callable[[], None] | None = None
        self._came = False

    def __call__(self, number: int, *_: object) -> None:
        """Take a signal."""
        if self._came:
            # Whatever hangs does not get a say.
            sys.stderr.flush()
            os._exit(128 + number)
        self._came = True
        if self.stop is None:
            raise SystemExit(0)  # nothing has been promised to anybody yet
        self.stop()


@contextlib.contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Take SIGTERM and Ctrl-C during the block."""
    taken = StopSignals()
    before = [signal.signal(kind, taken) for kind in _SIGNALS]
    try:
        yield taken
    finally:
        for kind, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(kind, handler)
