"""Age, sex and ethnicity from the table that the IXI release comes with."""

import csv
import struct
from dataclasses import dataclass, fields
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import xlrd
from xlrd.compdoc import CompDocError

from mrigen.errors import DataError

Sex = Literal["m", "f"]

TABLE_NAMES = ("IXI.csv", "IXI.xls")
ID, SEX, ETHNICITY, AGE = "IXI_ID", "SEX_ID (1=m, 2=f)", "ETHNIC_ID", "AGE"
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
_MAX_AGE = 120

# xlrd meets a damaged file with whatever its parser stumbles over.
_XLS_ERRORS = (
    xlrd.XLRDError,
    CompDocError,
    struct.error,
    OSError,
    LookupError,
    ValueError,
    AssertionError,
    BadZipFile,
    NotImplementedError,
)

Row = dict[str, object]


@dataclass(frozen=True)
class Person:
    """What is known of one subject; None is unknown."""

    age: float | None = None
    sex: Sex | None = None
    ethnicity: str | None = None


@dataclass(frozen=True)
class Demographics:
    """Persons by their number, and what a reader of the table should know."""

    people: dict[int, Person]
    notes: tuple[str, ...] = ()


def read_demographics(folder: Path) -> Demographics:
    """Read `IXI.csv`, or else `IXI.xls`, of a folder; without either nobody is known.

    Rows of one person complete each other. A person whose rows contradict each other is unknown,
    as one of them may belong to somebody else.

    Raises
    ------
    DataError
        If the table cannot be read or lacks a column.
    """
    tables = [folder / name for name in TABLE_NAMES if (folder / name).is_file()]
    if not tables:
        return Demographics({}, (f"no {' or '.join(TABLE_NAMES)}: age and sex are unknown",))
    table = tables[0]
    lines = _read_csv(table) if table.suffix == ".csv" else _read_xls(table)
    missing = [column for column in (ID, SEX, ETHNICITY, AGE) if lines and column not in lines[0]]
    if missing or not lines:
        raise DataError(
            f"table '{table.name}' has no {'rows' if not lines else f'column {missing[0]!r}'}: "
            "expected the columns of the IXI release. Replace or remove it."
        )
    known: dict[int, list[Person]] = {}
    for line in lines:
        number = _number(line[ID])
        if number is not None:
            known.setdefault(int(number), []).append(_person(line))
    notes = [f"{table.name} is read; {other.name} is not" for other in tables[1:]]
    repeated = {number: rows for number, rows in known.items() if len(rows) > 1}
    people = {number: _merge(rows) for number, rows in known.items()}
    notes += [
        f"{table.name} has rows for IXI_ID {number} that contradict each other: "
        "the person's age, sex and ethnicity are unknown"
        for number, rows in sorted(repeated.items())
        if _contradict(rows)
    ]
    agreeing = sum(not _contradict(rows) for rows in repeated.values())
    if agreeing:
        notes.append(f"{table.name} has several rows, which agree, for {agreeing} persons")
    return Demographics(people, tuple(notes))


def _read_csv(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [dict(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"table '{path.name}' is not readable as CSV ({error}). Replace or remove it."
        ) from None


def _read_xls(path: Path) -> list[Row]:
    try:
        sheet = xlrd.open_workbook(str(path), logfile=StringIO()).sheet_by_index(0)
        lines = [sheet.row_values(line) for line in range(sheet.nrows)]
    except _XLS_ERRORS as error:
        raise DataError(
            f"table '{path.name}' is not readable as a spreadsheet ({error}). Replace or remove it."
        ) from None
    names = [str(name) for name in lines[0]] if lines else []
    return [dict(zip(names, line, strict=True)) for line in lines[1:]]


def _number(value: object) -> float | None:
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return number if isfinite(number) else None


def _person(row: Row) -> Person:
    age, sex, ethnicity = (_number(row[column]) for column in (AGE, SEX, ETHNICITY))
    return Person(
        age=age if age is not None and 0 < age <= _MAX_AGE else None,
        sex=None if sex is None else _SEXES.get(int(sex)),
        ethnicity=None if ethnicity is None else _ethnicity(int(ethnicity)),
    )


def _ethnicity(code: int) -> str | None:
    return _ETHNICITIES.get(code, f"code {code}") if code > 0 else None


def _contradict(rows: list[Person]) -> bool:
    return any(
        len({getattr(row, field.name) for row in rows} - {None}) > 1 for field in fields(Person)
    )


def _merge(rows: list[Person]) -> Person:
    if _contradict(rows):
        return Person()
    return Person(
        age=next((row.age for row in rows if row.age is not None), None),
        sex=next((row.sex for row in rows if row.sex is not None), None),
        ethnicity=next((row.ethnicity for row in rows if row.ethnicity is not None), None),
    )
