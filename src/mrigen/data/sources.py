"""Cohorts on disk: which scans there are, of whom, and which files cannot be used."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from mrigen.data.layouts.bids import find_bids
from mrigen.data.layouts.config import Layout, SourceConfig
from mrigen.data.layouts.decathlon import find_decathlon
from mrigen.data.layouts.folder import find_folder
from mrigen.data.layouts.ixi import find_ixi
from mrigen.data.layouts.people import fold
from mrigen.data.layouts.pictures import find_pictures
from mrigen.data.layouts.place import Found, Place, some
from mrigen.data.scans import LeftOut, Modality, Scan, read_scans, scan_order, write_scans
from mrigen.errors import DataError

__all__ = [
    "Found",
    "LeftOut",
    "Modality",
    "Scan",
    "SourceConfig",
    "find_scans",
    "read_scans",
    "write_scans",
]

_FINDERS: dict[Layout, Callable[[Place], Found]] = {
    "ixi": find_ixi,
    "decathlon": find_decathlon,
    "bids": find_bids,
    "folder": find_folder,
    "pictures": find_pictures,
}


def find_scans(root: Path, name: str, config: SourceConfig) -> Found:
    """Find the scans of one source by names, tables and headers; no image is read.

    Parameters
    ----------
    root
        The project's folder.
    name
        Key of the source in `params.yaml`.
    config
        Where it lies and how it is laid out.

    Returns
    -------
    Scans sorted by subject, slice number, path and channel; files that belong to the cohort by
    their place and cannot be used, sorted by path; and notes on its table, subjects, splits and
    labels.

    Raises
    ------
    DataError
        If the folder is missing or cannot be read, or does not have the layout at all.
    """
    place = Place(root, name, config)
    try:
        if not place.folder.is_dir():
            raise DataError(
                f"source '{name}' lies in '{config.path}', which is not a folder: "
                f"put the cohort there, or correct sources.{name}.path in params.yaml."
            )
        found = _FINDERS[config.layout](place)
    except OSError as error:
        raise DataError(
            f"source '{name}' lies in '{config.path}', which cannot be read ({error.strerror}): "
            f"correct its permissions, or sources.{name}.path in params.yaml."
        ) from None
    scans, spelt = _unite_spellings(found.scans)
    return Found(
        sorted(scans, key=scan_order),
        sorted(found.left_out, key=lambda entry: (entry.path, entry.reason)),
        [*found.notes, *spelt, *_notes(scans)],
    )


def _unite_spellings(scans: Sequence[Scan]) -> tuple[list[Scan], list[str]]:
    """Make one subject of names that differ in capitals or in how letters are composed."""
    spellings = defaultdict[str, set[str]](set)
    for scan in scans:
        spellings[fold(scan.subject)].add(normalize("NFC", scan.subject))
    united = [replace(scan, subject=min(spellings[fold(scan.subject)])) for scan in scans]
    notes = [
        f"{some(map(_short, names))} are taken for one subject"
        for _, names in sorted(spellings.items())
        if len(names) > 1
    ]
    return united, notes


def _notes(scans: Sequence[Scan]) -> list[str]:
    people = {scan.subject: scan for scan in scans}
    notes = []
    for covariate in ("age", "sex"):
        unknown = [name for name, person in people.items() if getattr(person, covariate) is None]
        if unknown:
            named = "" if len(unknown) == len(people) else f": {some(map(_short, unknown))}"
            notes.append(
                f"{covariate} is unknown for {len(unknown)} of {len(people)} subjects{named}"
            )
    files, splits = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for scan in scans:
        files[scan.subject].add(scan.path)
        splits[scan.subject] |= {scan.split} if scan.split else set()
    volumes = any(scan.plane is None for scan in scans)
    repeated = [name for name, paths in files.items() if len(paths) > 1]
    if repeated and volumes:
        notes.append(
            f"{len(repeated)} subjects have more than one file; each stays in one split: "
            f"{some(map(_short, repeated))}"
        )
    torn = [name for name, declared in splits.items() if len(declared) > 1]
    if torn:
        notes.append(
            f"{len(torn)} subjects have files in more than one of the cohort's own splits: "
            f"{some(map(_short, torn))}"
        )
    unlabelled = len({scan.path for scan in scans if scan.label_path is None})
    total = sum(map(len, files.values()))
    if 0 < unlabelled < total:
        notes.append(f"{unlabelled} of {total} files have no label map")
    return notes


def _short(subject: str) -> str:
    return subject.partition("/")[2]
