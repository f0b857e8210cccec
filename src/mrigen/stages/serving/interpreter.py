"""How Python itself behaves in a server: garbage collection, and turns of its threads."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# A lane asks for the interpreter at every step of a network, and the event loop at every request.
# Whoever has it gives it up after this time, 5 ms by default: longer than most steps take.
_SWITCH_SECONDS = 50e-6


@contextmanager
def quick_start() -> Iterator[None]:
    """Look for no garbage until `settle`: imports make half a million objects and hardly any.

    Leaving the context puts everything back.
    """
    interval = sys.getswitchinterval()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()
        sys.setswitchinterval(interval)


def settle() -> None:
    """Begin to serve: what is there by now is no garbage, and threads take short turns."""
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(_SWITCH_SECONDS)
