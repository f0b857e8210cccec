"""The layout of the IXI release: one T1 file per scan, and a table of the persons."""

import re
from pathlib import Path

from mrigen.data.demographics import Demographics, Person, read_demographics
from mrigen.data.headers import check_header
from mrigen.data.scans import LeftOut, Scan
from mrigen.errors import DataError

_NAME = re.compile(
    r"(?P<prefix>[A-Za-z]+)(?P<number>\d+)-(?P<site>[^-]+)-\d+-T1\.nii(\.gz)?", re.ASCII
)
_FOLDERS = ("", "IXI-T1")


def find_ixi(
    root: Path, folder: Path, *, source: str, max_voxels: int
) -> tuple[list[Scan], list[LeftOut]]:
    """Find the scans below `folder`.

    The number in a name is the person: `IXI013-HH-1212-T1.nii.gz` is row 13 of the table. Where
    names mix prefixes the numbers are ambiguous and nothing is taken from the table.

    Parameters
    ----------
    root
        The project's folder; the paths in the answer are relative to it.
    folder
        Holds the files, or `IXI-T1` with the files; and the table.
    source
        Key of the source in `params.yaml`.
    max_voxels
        The most voxels a file may declare.
    """
    files = _files(folder)
    left_out: list[LeftOut] = []
    try:
        demographics = read_demographics(folder)
    except DataError as error:
        demographics = Demographics({})
        left_out.append(LeftOut(folder.relative_to(root).as_posix(), str(error)))
    if len(_prefixes(files)) > 1:
        demographics = Demographics({})
    scans: list[Scan] = []
    for path in files:
        relative = path.relative_to(root).as_posix()
        try:
            scans.append(_scan(path, relative, source, demographics, max_voxels))
        except DataError as error:
            left_out.append(LeftOut(relative, str(error)))
    return scans, left_out


def table_notes(folder: Path) -> list[str]:
    """Say what a reader should know of the table and of how names point into it."""
    notes = []
    prefixes = _prefixes(_files(folder))
    if len(prefixes) > 1:
        notes.append(
            f"the names start with {' and '.join(prefixes)}, so their numbers are ambiguous: "
            "nothing is taken from the table"
        )
    try:
        return [*notes, *read_demographics(folder).notes]
    except DataError:
        return [*notes, "the table cannot be read: age, sex and ethnicity are unknown"]


def _files(folder: Path) -> list[Path]:
    # Archives made on a Mac carry a hidden "._" twin of each file.
    return [
        path
        for place in _FOLDERS
        for path in _listed(folder / place)
        if ".nii" in path.name and not path.name.startswith(".")
    ]


def _listed(place: Path) -> list[Path]:
    # Unlike a glob, this fails on a folder that may not be read.
    return sorted(place.iterdir()) if place.is_dir() else []


def _prefixes(files: list[Path]) -> list[str]:
    matches = (_NAME.fullmatch(path.name) for path in files)
    return sorted({match["prefix"].upper() for match in matches if match})


def _scan(
    path: Path, relative: str, source: str, demographics: Demographics, max_voxels: int
) -> Scan:
    match = _NAME.fullmatch(path.name)
    if not path.name.isprintable():
        raise DataError(
            f"scan '{path.name}' has characters in its name that are not UTF-8 or cannot be "
            "printed: expected an ordinary file name. Rename it."
        )
    if match is None:
        raise DataError(
            f"scan '{path.name}' is not named like the IXI release: expected "
            "<SUBJECT>-<SITE>-<NUMBER>-T1.nii.gz. Rename it, or move it elsewhere."
        )
    header = check_header(path, max_voxels)
    if header.channels is not None:
        raise DataError(
            f"scan '{path.name}' has four dimensions, shape {(*header.shape, header.channels)}: "
            "expected three. Keep one volume of it, or remove it."
        )
    number = int(match["number"])
    person = demographics.people.get(number, Person())
    return Scan(
        path=relative,
        source=source,
        subject=f"{source}/{match['prefix'].upper()}{number:03d}",
        modality="T1w",
        age=person.age,
        sex=person.sex,
        ethnicity=person.ethnicity,
        site=match["site"],
    )
