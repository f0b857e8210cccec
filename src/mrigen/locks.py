"""Locks on files and folders that end with the process that holds them, however it ends."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


@contextmanager
def hold(path: Path) -> Iterator[bool]:
    """Hold the lock of a new file or folder; yield whether `path` is still there.

    It may have gone in the moment before it was locked, into the hands of a process that found
    it unlocked. Where there are no such locks (Windows, some network disks) nothing is held, and
    nobody else can hold it either.
    """
    with _opened(path) as descriptor:
        if descriptor is None:
            yield path.exists()
        else:
            _lock(descriptor, wait=True)
            yield _is_at(descriptor, path)


@contextmanager
def try_to_hold(path: Path) -> Iterator[bool]:
    """Hold the lock of a file or folder if nobody does; yield whether it worked.

    Where there are no such locks the answer is no.
    """
    with _opened(path) as descriptor:
        if descriptor is None:
            yield False
        else:
            yield _lock(descriptor, wait=False) and _is_at(descriptor, path)


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    if sys.platform == "win32":
        yield None  # folders cannot be opened there, and open files not renamed
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        descriptor = None
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(descriptor: int, *, wait: bool) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False
