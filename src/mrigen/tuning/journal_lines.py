"""The lines of a journal: one JSON object each, written whole or cut off again."""

import json
import os
import time
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from optuna.storages.journal import JournalFileOpenLock

from mrigen.errors import TuningError
from mrigen.tuning.hanging import locked_too_long

LOCK_SECONDS = 60.0

_POLL_SECONDS = 0.002
_BLOCK = 65_536
_LONGEST_LINE = 2**24  # the plan of a study, which is the longest, has some thousand letters
_START = b'{"op_code":'

#: How long a half line has to stay one: a program that does not know our lock, such as a
#: dashboard, may be writing it.
FOREIGN_SECONDS = 0.1


class LineLock(JournalFileOpenLock):
    """Lock of a journal while a line is appended.

    A process that was killed, or found the disk full, may have left half a line. Optuna would add
    the next one behind it and refuse the journal ever after, so the half is cut off first.

    Parameters
    ----------
    path
        Of the journal. The lock is a file beside it, apart from those that Optuna's own locks
        make and take for dead after half a minute.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))  # for its type alone: both methods are our own
        self._path = path
        self._lock = FileLock(
            path.with_name(f".{path.name}-lines.lock"),
            timeout=LOCK_SECONDS,
            poll_interval=_POLL_SECONDS,
            fallback_to_soft=False,
        )

    def acquire(self) -> bool:
        """Wait for the lock, and cut off half a line."""
        try:
            self._lock.acquire()
        except Timeout:
            raise locked_too_long(f"'{self._path}'", LOCK_SECONDS) from None
        try:
            _cut_half_line(self._path)
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        """Let others append."""
        self._lock.release()


def check_lines(path: Path) -> None:
    """Refuse a file that is not a journal of Optuna.

    Raises
    ------
    TuningError
        With the number of the first line that is none.
    """
    with path.open("rb") as file:
        lines = iter(lambda: file.readline(_LONGEST_LINE), b"")
        for number, line in enumerate(lines, start=1):
            # The last line may be half of one; the first shows what file this is.
            whole = line.endswith(b"\n") or len(line) == _LONGEST_LINE
            half = not whole and (number > 1 or _START.startswith(line[: len(_START)]))
            if not half and not _is_operation(line):
                raise TuningError(
                    f"the study storage '{path}' is not a journal of studies (line {number}): "
                    "name another file, or move this one away to begin anew."
                )


def _is_operation(line: bytes) -> bool:
    try:
        operation = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(operation, dict) and isinstance(operation.get("op_code"), int)


def _cut_half_line(path: Path) -> None:
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        # Optuna would make it anew, with the end of the story alone.
        raise TuningError(
            f"the study storage '{path}' was removed while it was in use: run the command again, "
            "with the file back in its place or from the beginning."
        ) from None
    with file:
        size = _size_if_half(file)
        if size is None:
            return
        time.sleep(FOREIGN_SECONDS)
        if _size_if_half(file) == size:
            file.truncate(_end_of_whole_lines(file, size))
            os.fsync(file.fileno())


def _size_if_half(file: BinaryIO) -> int | None:
    """Return the size of a file that does not end with a line."""
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return None
    file.seek(size - 1)
    return None if file.read(1) == b"\n" else size


def _end_of_whole_lines(file: BinaryIO, size: int) -> int:
    while size > 0:
        start = max(0, size - _BLOCK)
        file.seek(start)
        found = file.read(size - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
