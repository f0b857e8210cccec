"""Who is in a cohort: each subject once, counted."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mrigen.data.scans import Scan

UNKNOWN = "unknown"
_SEXES = {"f": "female", "m": "male"}


class Person(NamedTuple):
    """One subject; None is unknown.

    Attributes
    ----------
    age
        In years.
    sex
        "female" or "male".
    """

    age: float | None
    sex: str | None
    ethnicity: str | None
    site: str | None


def people_of(scans: Iterable[Scan]) -> list[Person]:
    """Return each subject of the scans once."""
    people = {scan.subject: scan for scan in scans}.values()
    return [make_person(scan.age, scan.sex, scan.ethnicity, scan.site) for scan in people]


def make_person(
    age: float | None, sex: str | None, ethnicity: str | None, site: str | None
) -> Person:
    """Return a person, with the sex as a word."""
    return Person(age, None if sex is None else _SEXES.get(sex, sex), ethnicity, site)


def count_values(values: Iterable[str | None]) -> dict[str, int]:
    """Count, the most frequent first, and what is unknown last.

    Examples
    --------
    >>> count_values(["HH", None, "Guys", "Guys"])
    {'Guys': 2, 'HH': 1, 'unknown': 1}
    """
    counts = Counter(value or UNKNOWN for value in values)
    ordered = sorted(counts, key=lambda name: (name == UNKNOWN, -counts[name], name))
    return {name: counts[name] for name in ordered}


def known_ages(people: Iterable[Person]) -> list[float]:
    """Return the ages that are known."""
    return [person.age for person in people if person.age is not None]


def describe_cohort(scans: Sequence[Scan]) -> dict[str, Any]:
    """Count scans and files by modality, and subjects by site, sex and ethnicity."""
    people = people_of(scans)
    ages = known_ages(people)
    return {
        "scans": len(scans),
        "files": len({scan.path for scan in scans}),
        "subjects": len(people),
        "modalities": count_values(scan.modality for scan in scans),
        "sites": count_values(person.site for person in people),
        "sexes": count_values(person.sex for person in people),
        "ethnicities": count_values(person.ethnicity for person in people),
        "age": {"known": len(ages), "min": min(ages), "max": max(ages)} if ages else None,
    }
