"""Tables of first and last slices: one stretch of the axis per scan."""

import csv
import re
from collections.abc import Iterable, Mapping
from errno import EINVAL
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from mrigen.errors import ConfigError

_MOST_BYTES = 2**24
_ENDING = re.compile(r"(\.nii)?(\.gz)?$", re.IGNORECASE)
_COLUMNS = ("vol", "first", "last")


class Stretch(NamedTuple):
    """First and last slice of one scan, both included."""

    first: int
    last: int


SliceTable = Mapping[str, Stretch]


def read_slice_table(root: Path, table: str) -> SliceTable:
    """Read the table of a selection, once per process as long as the file stays the same.

    Parameters
    ----------
    root
        The project's folder.
    table
        CSV file, relative to `root`, with the columns `vol`, `first` and `last`, among others.

    Returns
    -------
    Stretches under the names of `scan_name`.

    Raises
    ------
    ConfigError
        If the file is missing or too large, lies outside the project, lacks a column, or has a row
        that is no stretch or comes twice.
    """
    path = (root / table).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ConfigError(
            f"slice table '{table}' leads out of the project: expected a path inside. Copy it here."
        )
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise OSError(EINVAL, "not an ordinary file")
        if status.st_size > _MOST_BYTES:
            raise ConfigError(
                f"slice table '{table}' has {status.st_size} bytes: expected at most {_MOST_BYTES}."
                " Keep the columns 'vol', 'first' and 'last'."
            )
        return _read(path, table, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ConfigError(
            f"slice table '{table}' cannot be read ({error.strerror}): expected a CSV file in the "
            "project. Copy it here, or correct the dataset's selection.table."
        ) from None


def scan_name(path: str) -> str:
    """Return the name of a scan in tables: its file's, without `.nii` or `.nii.gz`.

    Examples
    --------
    >>> scan_name("data/IXI002-Guys-0828-T1.nii.gz")
    'IXI002-Guys-0828-T1'
    """
    return _ENDING.sub("", path.rpartition("/")[2])


# The time and the size of the file are there to tell a changed file from the one that was read.
@lru_cache(maxsize=8)
def _read(path: Path, table: str, _time: int, _size: int) -> SliceTable:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(csv.DictReader(file), table)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(
            f"slice table '{table}' is not a CSV file in UTF-8 ({error}). Export it again."
        ) from None


def _parse(rows: "csv.DictReader[str]", table: str) -> SliceTable:
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ConfigError(
            f"slice table '{table}' has no column '{missing[0]}': expected 'vol', 'first' and "
            "'last' in its first line. Correct it."
        )
    return dict(_stretches(rows, table))


def _stretches(rows: Iterable[dict[str, str | None]], table: str) -> Iterable[tuple[str, Stretch]]:
    seen = set()
    for line, row in enumerate(rows, 2):
        name, first, last = (row[column] or "" for column in _COLUMNS)
        scan = scan_name(name.strip())
        if scan in seen:
            raise ConfigError(
                f"slice table '{table}' names '{scan}' a second time in line {line}: expected one "
                "line per scan. Remove one."
            )
        seen.add(scan)
        try:
            stretch = Stretch(int(first), int(last))
        except ValueError:
            stretch = Stretch(-1, -1)
        if not scan or not 0 <= stretch.first <= stretch.last:
            raise ConfigError(
                f"slice table '{table}' has '{name},{first},{last}' in line {line}: expected a "
                "scan's name and two slice numbers from 0 up, the first not above the last. "
                "Correct it."
            )
        yield scan, stretch
