"""Who the subjects of a cohort are: age, sex, ethnicity, site and split from a CSV or TSV table."""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from io import StringIO
from pathlib import Path

from mrigen.data.layouts.place import some
from mrigen.data.scans import Sex
from mrigen.errors import DataError

MAX_AGE = 120
_MAX_BYTES = 2**24

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
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclass(frozen=True)
class Person:
    """What is known of one subject; None is unknown."""

    age: float | None = None
    sex: Sex | None = None
    ethnicity: str | None = None
    site: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class People:
    """Persons of a table by `fold` of their names, and what a reader should know of it."""

    table: str | None = None
    known: Mapping[str, Person] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def find(self, subject: str) -> Person:
        """Return what is known of a subject, with or without the prefix `sub-`."""
        return self.known.get(_key(subject), Person())

    def missing(self, subjects: Mapping[str, str]) -> list[str]:
        """Say which subjects have no row, given their names there; nothing without a table."""
        absent = [name for name, known_as in subjects.items() if _key(known_as) not in self.known]
        if self.table is None or not absent:
            return []
        return [
            f"{len(absent)} of {len(subjects)} subjects have no row in {self.table} and are "
            f"unknown: {some(absent)}"
        ]


def fold(name: str) -> str:
    """Return what two spellings of one name share: composed letters, and no capitals."""
    return unicodedata.normalize("NFC", name.casefold())


def find_split(word: str) -> str | None:
    """Return "train", "validation" or "test" for the usual words, and None for others."""
    return _SPLITS.get(word.strip().lower())


def merge(rows: Sequence[Person]) -> Person | None:
    """Return what rows of one person say together, or None if they contradict each other."""
    values = {}
    for each in fields(Person):
        said = {getattr(row, each.name) for row in rows} - {None}
        if len(said) > 1:
            return None
        values[each.name] = next(iter(said), None)
    return Person(**values)


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
            key = _key(row["subject"])
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
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise DataError(
                f"table '{path.name}' has more than {_MAX_BYTES} bytes: expected a row per "
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


def _key(subject: str) -> str:
    return fold(subject).removeprefix("sub-")


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
