"""Any folder of NIfTI files, with a table of the persons where there is one."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from mrigen.data.layouts.companions import CompanionFinder
from mrigen.data.layouts.naming import names_itself, read_name
from mrigen.data.layouts.people import People
from mrigen.data.layouts.people_table import read_people
from mrigen.data.layouts.place import Found, Place, check_volume
from mrigen.data.scans import LeftOut, Scan
from mrigen.errors import DataError

ENDINGS = (".nii", ".nii.gz")


def find_folder(place: Place) -> Found:
    """Find the NIfTI files of a folder that are no mask or label map of another."""
    companions = CompanionFinder(place)
    files, left_out = list_wanted(place, lambda name: name.lower().endswith(ENDINGS))
    people = read_table_of(place, left_out)
    scans: list[Scan] = []
    for path in files:
        if companions.belongs(path):
            continue
        try:
            scans.append(_scan(path, place, people, companions))
        except DataError as error:
            left_out.append(place.left_out(path, error))
    notes = [*people.notes, *missing_people(people, scans)]
    if place.config.subject is None and not all(names_itself(Path(scan.path)) for scan in scans):
        notes.append(
            "each file is taken for a person of its own, as the source has no 'subject' pattern"
        )
    return Found(scans, left_out, notes)


def list_wanted(place: Place, wanted: Callable[[str], bool]) -> tuple[list[Path], list[LeftOut]]:
    """List the files that the source's `files` names and whose names are wanted."""
    files, left_out = place.walk(recursive=place.config.recursive)
    pattern = place.config.files
    chosen = [
        path for path in files if wanted(path.name) and fnmatchcase(place.within(path), pattern)
    ]
    return chosen, left_out


def read_table_of(place: Place, left_out: list[LeftOut]) -> People:
    """Read the source's table; one that cannot be read is left out and nobody is known."""
    if place.config.table is None:
        return People()
    table = place.folder / place.config.table
    try:
        place.check_file(table)
        return read_people(table)
    except DataError as error:
        left_out.append(place.left_out(table, error))
        return People(notes=(f"{table.name} cannot be read: nothing is known of the persons",))


def missing_people(people: People, scans: list[Scan]) -> list[str]:
    """Say which subjects of the scans have no row in the table."""
    names = {scan.subject.partition("/")[2] for scan in scans}
    return people.missing({name: name for name in names})


def _scan(path: Path, place: Place, people: People, companions: CompanionFinder) -> Scan:
    place.take(path)
    named = read_name(path, place)
    check_volume(path, place.config.max_voxels)
    person = people.find(named.subject)
    mask, label = companions.find(path, named.subject)
    return Scan(
        path=place.relative(path),
        source=place.source,
        subject=f"{place.source}/{named.subject}",
        modality=place.config.modality,
        label_path=label,
        mask_path=mask,
        split=named.split or person.split,
        age=person.age,
        sex=person.sex,
        ethnicity=person.ethnicity,
        site=named.site or person.site,
    )
