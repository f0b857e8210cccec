"""The people behind the slices: one each, however their files are spelled."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from mrigen.data.records import SliceRecord


@dataclass(frozen=True)
class Person:
    """Who is dealt to a split, with all files and slices.

    Attributes
    ----------
    key
        What tells people apart; see `person_key`.
    spellings
        The names that the records give this person, sorted; nearly always one.
    age, sex, ethnicity, site
        Of the first file, by path, that knows; None is unknown.
    declared
        Splits that the cohort gives this person; more than one is a mistake of the cohort.
    """

    key: str
    spellings: tuple[str, ...]
    age: float | None
    sex: str | None
    ethnicity: str | None
    site: str | None
    declared: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The first spelling, for sentences and for the seeded rank."""
        return self.spellings[0]


def person_key(subject: str) -> str:
    """Return what is the same for all spellings of a name.

    File systems and spreadsheets change letter case and the Unicode form of accents: two
    spellings of one name must not end in two splits.
    """
    folded = unicodedata.normalize("NFD", subject).casefold()
    return unicodedata.normalize("NFC", folded)


def name_key(key: str) -> str:
    """Return a person's key without the source before the first slash."""
    return key.partition("/")[2] or key


def gather_people(records: Iterable[SliceRecord]) -> list[Person]:
    """Return the people of some slices, sorted by key; order and repetition do not matter."""
    keys: dict[str, str] = {}
    files: dict[str, dict[tuple[str, int, str], SliceRecord]] = {}
    for record in records:
        key = keys.get(record.subject)
        if key is None:
            key = keys[record.subject] = person_key(record.subject)
        place = (record.path, -1 if record.channel is None else record.channel, record.subject)
        files.setdefault(key, {}).setdefault(place, record)
    return [
        _person(key, [entries[place] for place in sorted(entries)])
        for key, entries in sorted(files.items())
    ]


def _person(key: str, records: list[SliceRecord]) -> Person:
    return Person(
        key=key,
        spellings=tuple(sorted({record.subject for record in records})),
        age=next((record.age for record in records if record.age is not None), None),
        sex=next((record.sex for record in records if record.sex is not None), None),
        ethnicity=next((r.ethnicity for r in records if r.ethnicity is not None), None),
        site=next((record.site for record in records if record.site is not None), None),
        declared=tuple(sorted({r.declared_split for r in records if r.declared_split is not None})),
    )
