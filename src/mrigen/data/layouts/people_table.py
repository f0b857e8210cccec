"""Tables of the persons: CSV or TSV text with age, sex, ethnicity, site and split."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

from mrigen.data.layouts.people import People, Person, find_split, merge, table_key
from mrigen.data.layouts.place import some
from mrigen.data.scans import Sex
from mrigen.errors import DataError

MAX_AGE = 120
MAX_TABLE_BYTES = 2**24

# The names of the columns, the first one that is there wins.
_COLUMNS = {
    "subject": ("subject", "participant_id", "subject_id"),
    "age": ("age",),
    "sex": ("sex", "gender"),
    "ethnicity": ("ethnicity", "race"),
    "site": ("site",),
    "split": ("split",),
}
_UNKNOWN = ("", "n/a", "na", "nan", "none", "null", "unknown", "?")
_SEXES: dict[str, Sex] = {
    **dict.fromkeys(("m", "male", "man"), "m"),
    **dict.fromkeys(("f", "female", "woman"), "f"),
}
# ISO/IEC 5218; 0 is "not known" and 9 "not applicable".
_SEX_CODES: dict[str, Sex] = {"1": "m", "2": "f"}


def read_people(path: Path) -> People:
    """Read a table of persons, with commas, semicolons or tabs.

    Rows of one person complete each other. A person whose rows contradict each other is unknown,
    as one of them may belong to somebody else.

    Parameters
    ----------
    path
        UTF-8 text with a heading. One column is `subject` (or `participant_id`, `subject_id`);
        `age`, `sex` (`gender`), `ethnicity` (`race`), `site` and `split` may be there, in any
        order; others are ignored.

    Raises
    ------
    DataError
        If the table cannot be read, is too large, or lacks the column of the subjects.
    """
    lines = iter_rows(path)
    heading = next(lines, None)
    if heading is None:
        raise DataError(f"table '{path.name}' is empty: expected a heading. Replace or remove it.")
    places = _places(path, heading)
    cells = [_pick(line, places) for line in lines]
    codes = {row.get("sex", "") for row in cells} & {"0", "1", "2"}
    # Under another key than ISO/IEC 5218, 0 is a sex too, and 1 may be the other one.
    understood = {} if "0" in codes and "2" not in codes else _SEX_CODES
    rows: dict[str, list[Person]] = {}
    names: dict[str, str] = {}
    for row in cells:
        if row["subject"].lower() not in _UNKNOWN:
            key = table_key(row["subject"])
            names.setdefault(key, row["subject"])
            rows.setdefault(key, []).append(_person(row, understood))
    merged = {key: merge(same) for key, same in rows.items()}
    contradicting = [names[key] for key, person in merged.items() if person is None]
    notes = [*_strange(path.name, cells, understood)]
    if contradicting:
        notes.append(
            f"{path.name} has rows that contradict each other for {len(contradicting)} persons, "
            f"who are unknown: {some(contradicting)}"
        )
    known = {key: person or Person() for key, person in merged.items()}
    return People(path.name, known, tuple(notes))


def iter_rows(path: Path) -> Iterator[list[str]]:
    """Read the rows of a CSV or TSV file, its heading first, without empty rows.

    Raises
    ------
    DataError
        If it cannot be read, is no UTF-8 text, or is larger than 16 MiB.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TABLE_BYTES + 1)
        if len(data) > MAX_TABLE_BYTES:
            raise DataError(
                f"table '{path.name}' has more than {MAX_TABLE_BYTES} bytes: expected a row per "
                "person. Replace or remove it."
            )
        text = data.decode("utf-8-sig")
        heading = text.partition("\n")[0]
        delimiter = max("\t;,", key=heading.count)
        lines = csv.reader(StringIO(text, newline=None), delimiter=delimiter)
        rows = [[cell.strip() for cell in row] for row in lines]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"table '{path.name}' is not readable as UTF-8 text with columns ({problem}). "
            "Save it as CSV (UTF-8), or remove it."
        ) from None
    return (row for row in rows if any(row))


def _places(path: Path, heading: Sequence[str]) -> dict[str, int]:
    lowered = [name.lower() for name in heading]
    places = {}
    for column, names in _COLUMNS.items():
        name = next((name for name in names if name in lowered), None)
        if name is not None:
            places[column] = lowered.index(name)
            if lowered.count(name) > 1:
                raise DataError(
                    f"table '{path.name}' has the column '{name}' {lowered.count(name)} times: "
                    "expected it once. Rename or remove the others."
                )
    if "subject" not in places:
        raise DataError(
            f"table '{path.name}' has no column 'subject' or 'participant_id', but "
            f"{some(heading)}: expected one to find the persons by. Correct its heading."
        )
    return places


def _pick(line: Sequence[str], places: Mapping[str, int]) -> dict[str, str]:
    return {column: line[place] if place < len(line) else "" for column, place in places.items()}


def _person(row: Mapping[str, str], codes: Mapping[str, Sex]) -> Person:
    ethnicity, site = (_text(row.get(column, "")) for column in ("ethnicity", "site"))
    return Person(
        age=_age(row.get("age", "")),
        sex=_sex(row.get("sex", ""), codes),
        ethnicity=ethnicity,
        site=site,
        split=find_split(row.get("split", "")),
    )


def _text(cell: str) -> str | None:
    known = cell.lower() not in _UNKNOWN and cell.isprintable()
    return unicodedata.normalize("NFC", cell) if known else None


def _age(cell: str) -> float | None:
    # BIDS writes "89+" for everybody older; other tables write a decimal comma.
    match = re.fullmatch(r"(\d{1,3}(?:[.,]\d+)?)\+?", cell, re.ASCII)
    age = float(match[1].replace(",", ".")) if match else 0.0
    return age if 0 < age <= MAX_AGE else None


def _sex(cell: str, codes: Mapping[str, Sex]) -> Sex | None:
    return _SEXES.get(cell.lower()) or codes.get(cell)


def _strange(table: str, cells: Sequence[Mapping[str, str]], codes: Mapping[str, Sex]) -> list[str]:
    """Name what is written in a column and not understood."""
    notes = []
    readers = {
        "age": _age,
        "sex": lambda cell: _sex(cell, codes),
        "split": find_split,
    }
    ordinary = {"sex": ("0", "9") if codes else ()}
    for column, read in readers.items():
        strange = {
            cell
            for cell in (row.get(column, "") for row in cells)
            if cell.lower() not in _UNKNOWN
            and cell not in ordinary.get(column, ())
            and read(cell) is None
        }
        if strange:
            notes.append(
                f"{table} has a column '{column}' with what is not understood: "
                f"{some(strange)}; it counts as unknown"
            )
    return notes
