"""Memory that a server keeps instead of giving it back after every chunk."""

import ctypes
import os

# Numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

_TRIM_BYTES = 2**26  # free at the end of an arena, from which on it goes back to the system
_MMAP_BYTES = 2**25  # the most that glibc takes; larger blocks go back when they are freed


def keep_freed_memory(lanes: int) -> bool:
    """Let the C library keep what networks free between chunks; say whether it does.

    Lanes allocate and free the same megabytes for every chunk. By default glibc gives most of
    that back to the system each time, which then clears every page anew: a sixth of the
    processor time of a small generator. Other C libraries are left as they are.

    Parameters
    ----------
    lanes
        Threads that compute. Arenas are as many and two more, for the event loop and for those
        that encode and decode, or each of the latter would come to keep memory of its own.
    """
    if not _is_glibc():
        return False
    mallopt = ctypes.CDLL(None).mallopt
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    wanted = {
        _M_ARENA_MAX: lanes + 2,
        _M_MMAP_THRESHOLD: _MMAP_BYTES,
        _M_TRIM_THRESHOLD: _TRIM_BYTES,
    }
    taken = [mallopt(option, value) for option, value in wanted.items()]
    return all(taken)


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, OSError, ValueError):
        return False
