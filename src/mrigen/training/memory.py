"""Memory that a training on the CPU takes once and keeps."""

import ctypes
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4

_GROWTH = 64 * 2**20


def keep_freed_memory() -> None:
    """Have freed tensors' memory used again in this process rather than given back.

    Otherwise glibc maps every tensor of more than 32 MiB anew, and trims its heap whenever enough
    is free at its end: the kernel then has to clear the same gigabytes, page by page, at every
    step, which takes longer than many convolutions do. Peak memory hardly changes, as each step
    needs as much as the one before. Nothing is done where the C library is another one.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)
        mallopt(_M_TOP_PAD, _GROWTH)
