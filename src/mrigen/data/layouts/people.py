"""Who the subjects of a cohort are, as a table says."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from mrigen.data.layouts.place import some
from mrigen.data.scans import Sex

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
        return self.known.get(table_key(subject), Person())

    def missing(self, subjects: Mapping[str, str]) -> list[str]:
        """Say which subjects have no row, given their names there; nothing without a table."""
        absent = [
            name for name, known_as in subjects.items() if table_key(known_as) not in self.known
        ]
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


def table_key(subject: str) -> str:
    """Return what a subject is known by in a table, with or without the prefix `sub-`."""
    return fold(subject).removeprefix("sub-")
