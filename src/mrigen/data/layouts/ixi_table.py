"""Age, sex and ethnicity from the table that the IXI release comes with."""

import struct
from collections.abc import Iterator, Sequence
from io import StringIO
from math import isfinite
from pathlib import Path
from zipfile import BadZipFile

import xlrd
from xlrd.compdoc import CompDocError

from mrigen.data.layouts.people import People, Person, merge
from mrigen.data.layouts.people_table import MAX_AGE, MAX_TABLE_BYTES, iter_rows
from mrigen.data.layouts.place import Place, some
from mrigen.data.scans import Sex
from mrigen.errors import DataError

TABLE_NAMES = ("IXI.csv", "IXI.xls")
_COLUMNS = ID, SEX, ETHNICITY, AGE = "IXI_ID", "SEX_ID (1=m, 2=f)", "ETHNIC_ID", "AGE"
_SEXES: dict[int, Sex] = {1: "m", 2: "f"}
# The release's own key to ETHNIC_ID. 0 fills every unanswered question of the table; 2 occurs in
# it and the key does not explain it.
_ETHNICITIES = {
    1: "White",
    3: "Asian or Asian British",
    4: "Black or Black British",
    5: "Chinese",
    6: "Other",
}

# xlrd meets a damaged file with whatever its parser stumbles over.
_XLS_ERRORS = (
    xlrd.XLRDError,
    CompDocError,
    struct.error,
    OSError,
    LookupError,
    ValueError,
    ArithmeticError,
    AssertionError,
    BadZipFile,
    NotImplementedError,
)

Row = dict[str, object]


def find_tables(place: Place) -> list[Path]:
    """List the tables of a folder; the first is read."""
    return [place.folder / name for name in TABLE_NAMES if (place.folder / name).is_file()]


def read_ixi_people(place: Place) -> People:
    """Read `IXI.csv`, or else `IXI.xls`, of a folder; without either nobody is known.

    Persons are known by their number, without zeros before it. Rows of one person complete each
    other; a person whose rows contradict each other is unknown, as one of them may belong to
    somebody else.

    Raises
    ------
    DataError
        If the table cannot be read or lacks a column.
    """
    tables = find_tables(place)
    if not tables:
        return People(notes=(f"no {' or '.join(TABLE_NAMES)}: age and sex are unknown",))
    table = tables[0]
    place.check_link(table)
    lines = _rows(iter_rows(table) if table.suffix == ".csv" else _read_xls(table))
    missing = [column for column in _COLUMNS if lines and column not in lines[0]]
    if missing or not lines:
        raise DataError(
            f"table '{table.name}' has no {'rows' if not lines else f'column {missing[0]!r}'}: "
            "expected the columns of the IXI release. Replace or remove it."
        )
    rows: dict[int, list[Person]] = {}
    for line in lines:
        number = _number(line[ID])
        if number is not None:
            rows.setdefault(int(number), []).append(_person(line))
    merged = {number: merge(same) for number, same in rows.items()}
    known = {str(number): person or Person() for number, person in merged.items()}
    notes = [f"{table.name} is read; {other.name} is not" for other in tables[1:]]
    return People(table.name, known, (*notes, *_repeated(table.name, rows, merged)))


def _repeated(
    table: str, rows: dict[int, list[Person]], merged: dict[int, Person | None]
) -> list[str]:
    contradicting = [f"{number:03d}" for number, person in merged.items() if person is None]
    agreeing = sum(len(same) > 1 and merged[number] is not None for number, same in rows.items())
    notes = []
    if contradicting:
        notes.append(
            f"{table} has rows that contradict each other for {len(contradicting)} persons, whose "
            f"age, sex and ethnicity are unknown: IXI_ID {some(contradicting)}"
        )
    if agreeing:
        notes.append(f"{table} has several rows, which agree, for {agreeing} persons")
    return notes


def _rows(lines: Iterator[Sequence[object]]) -> list[Row]:
    # Of many columns and many rows together there is more than memory holds.
    heading = enumerate(next(lines, ()))
    places = {str(name): place for place, name in heading if name in _COLUMNS}
    return [
        {name: line[place] if place < len(line) else "" for name, place in places.items()}
        for line in lines
    ]


def _read_xls(path: Path) -> Iterator[Sequence[object]]:
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise OSError(f"more than {MAX_TABLE_BYTES} bytes")
        sheet = xlrd.open_workbook(str(path), logfile=StringIO()).sheet_by_index(0)
        return iter([sheet.row_values(line) for line in range(sheet.nrows)])
    except _XLS_ERRORS as error:
        raise DataError(
            f"table '{path.name}' is not readable as a spreadsheet ({error}). Replace or remove it."
        ) from None


def _number(value: object) -> float | None:
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return number if isfinite(number) else None


def _person(row: Row) -> Person:
    age, sex, ethnicity = (_number(row[column]) for column in (AGE, SEX, ETHNICITY))
    return Person(
        age=age if age is not None and 0 < age <= MAX_AGE else None,
        sex=None if sex is None else _SEXES.get(int(sex)),
        ethnicity=None if ethnicity is None else _ethnicity(int(ethnicity)),
    )


def _ethnicity(code: int) -> str | None:
    return _ETHNICITIES.get(code, f"code {code}") if code > 0 else None
