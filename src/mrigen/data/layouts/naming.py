"""Subjects, sites, splits and slice numbers from the names of files, by a pattern."""

import re
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from mrigen.data.layouts.people import find_split
from mrigen.data.layouts.place import Place, stem
from mrigen.errors import DataError

_MAX_INDEX = 10**6


@dataclass(frozen=True)
class Named:
    """What a file's name says; None is not said."""

    subject: str
    site: str | None = None
    split: str | None = None
    index: int | None = None


def read_name(path: Path, place: Place) -> Named:
    """Read a file's name by the pattern of its source.

    Without one the subject is what stands first in a name in the manner of BIDS, such as
    `sub-01_ses-2_T1w`, so that the sessions of one person stay together; else it is the stem.

    Raises
    ------
    DataError
        If the pattern is not found in the path below the cohort's folder, finds an empty subject
        or one with a slash, a slice number that is none, or a word that is no split.
    """
    pattern = place.config.subject
    if pattern is None:
        return Named(_bids_subject(path) or stem(path))
    # Some systems write accents apart from their letters, which are then no letters to patterns.
    text = normalize("NFC", place.within(path))
    match = re.search(pattern, text)
    groups = match.groupdict() if match else {}
    subject = groups.get("subject") or ""
    if not subject.strip() or "/" in subject:
        found = f"finds '{subject}' as the subject" if match else "is not found"
        raise DataError(
            f"'{text}': the pattern '{pattern}' {found}: expected one name of a person. Correct "
            f"sources.{place.source}.subject, rename the file, or move it elsewhere."
        )
    return Named(
        subject=subject.strip(),
        site=groups.get("site") or None,
        split=_split(text, groups.get("split")),
        index=_index(text, groups.get("index")),
    )


def names_itself(path: Path) -> bool:
    """Whether a file's name alone says whose it is, in the manner of BIDS."""
    return _bids_subject(path) is not None


def _bids_subject(path: Path) -> str | None:
    match = re.match(r"(sub-[^_]+)_", stem(path))
    return match[1] if match else None


def _split(text: str, word: str | None) -> str | None:
    if word is None:
        return None
    split = find_split(word)
    if split is None:
        raise DataError(
            f"'{text}' is of the split '{word}': expected train, training, val, validation, test "
            "or testing. Correct the source's pattern, or rename the folder."
        )
    return split


def _index(text: str, digits: str | None) -> int | None:
    if digits is None:
        return None
    # Ten digits are no slice number, and thousands of them take int() long.
    if not re.fullmatch(r"\d{1,7}", digits, re.ASCII) or int(digits) > _MAX_INDEX:
        raise DataError(
            f"'{text}' has the slice number '{digits[:20]}': expected 0 to {_MAX_INDEX}. "
            "Correct the source's pattern, or rename the file."
        )
    return int(digits)
