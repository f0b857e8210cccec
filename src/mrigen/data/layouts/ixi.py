"""The layout of the IXI release: one T1 file per scan, and a table of the persons."""

import re
from pathlib import Path

from mrigen.data.layouts.companions import CompanionFinder
from mrigen.data.layouts.ixi_table import find_tables, read_ixi_people
from mrigen.data.layouts.people import People
from mrigen.data.layouts.place import Found, Place, check_volume, visible
from mrigen.data.scans import LeftOut, Scan
from mrigen.errors import DataError

NAME = re.compile(
    r"(?P<prefix>[A-Za-z]+)(?P<number>\d+)-(?P<site>[^-]+)-\d+-T1(?i:\.nii(\.gz)?)", re.ASCII
)
FOLDERS = ("", "IXI-T1")


def find_ixi(place: Place) -> Found:
    """Find the scans in a folder, or in its `IXI-T1`.

    The number in a name is the person: `IXI013-HH-1212-T1.nii.gz` is row 13 of the table. Where
    names mix prefixes the numbers are ambiguous and nothing is taken from the table.
    """
    companions = CompanionFinder(place)
    files = [path for path in _files(place.folder) if not companions.belongs(path)]
    left_out: list[LeftOut] = []
    people, notes = _people(place, files, left_out)
    scans: list[Scan] = []
    for path in files:
        try:
            scans.append(_scan(path, place, people, companions))
        except DataError as error:
            left_out.append(place.left_out(path, error))
    subjects = sorted({scan.subject.rpartition("/")[2] for scan in scans})
    numbers = {subject: str(int(re.sub(r"\D", "", subject))) for subject in subjects}
    return Found(scans, left_out, [*notes, *people.missing(numbers)])


def _people(place: Place, files: list[Path], left_out: list[LeftOut]) -> tuple[People, list[str]]:
    prefixes = _prefixes(files)
    try:
        people = read_ixi_people(place)
    except DataError as error:
        left_out.append(place.left_out(find_tables(place)[0], error))
        return People(), ["the table cannot be read: age, sex and ethnicity are unknown"]
    if len(prefixes) < 2:
        return people, [*people.notes]
    ambiguous = (
        f"the names start with {' and '.join(prefixes)}, so their numbers are ambiguous: "
        "nothing is taken from the table"
    )
    return People(), [ambiguous, *people.notes]


def _files(folder: Path) -> list[Path]:
    places = [folder / name for name in FOLDERS]
    return [
        path
        for place in places
        if place.is_dir()
        for path in visible(place)
        if ".nii" in path.name.lower()
    ]


def _prefixes(files: list[Path]) -> list[str]:
    matches = (NAME.fullmatch(path.name) for path in files)
    return sorted({match["prefix"].upper() for match in matches if match})


def _scan(path: Path, place: Place, people: People, companions: CompanionFinder) -> Scan:
    match = NAME.fullmatch(path.name)
    place.take(path)
    if match is None:
        raise DataError(
            f"scan '{path.name}' is not named like the IXI release: expected "
            "<SUBJECT>-<SITE>-<NUMBER>-T1.nii.gz. Rename it, or move it elsewhere."
        )
    check_volume(path, place.config.max_voxels)
    number = int(match["number"])
    subject = f"{match['prefix'].upper()}{number:03d}"
    person = people.find(str(number))
    mask, label = companions.find(path, subject)
    return Scan(
        path=place.relative(path),
        source=place.source,
        subject=f"{place.source}/{subject}",
        modality="T1w",
        label_path=label,
        mask_path=mask,
        age=person.age,
        sex=person.sex,
        ethnicity=person.ethnicity,
        site=match["site"],
    )
