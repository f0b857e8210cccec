"""Folders of PNG or JPEG slices; the names say whose they are."""

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from mrigen.data.layouts.folder import list_wanted, missing_people, read_table_of
from mrigen.data.layouts.naming import read_name
from mrigen.data.layouts.people import People, fold
from mrigen.data.layouts.place import Found, Place
from mrigen.data.pictures import check_picture
from mrigen.data.scans import Scan
from mrigen.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg")


def find_pictures(place: Place) -> Found:
    """Find the pictures in a folder and below it; only their headers are read.

    Pictures whose names hold no slice number are numbered from 0 within each subject, in the
    order of their paths, numbers in them by value.
    """
    files, left_out = list_wanted(place, lambda name: name.lower().endswith(ENDINGS))
    people = read_table_of(place, left_out)
    scans: list[Scan] = []
    for path in files:
        try:
            scans.append(_scan(path, place, people))
        except DataError as error:
            left_out.append(place.left_out(path, error))
    notes = [*people.notes, *missing_people(people, scans)]
    return Found(_numbered(scans), left_out, notes)


def _scan(path: Path, place: Place, people: People) -> Scan:
    place.take(path)
    named = read_name(path, place)
    check_picture(path, place.config.max_voxels)
    person = people.find(named.subject)
    return Scan(
        path=place.relative(path),
        source=place.source,
        subject=f"{place.source}/{named.subject}",
        modality=place.config.modality,
        plane=place.config.plane,
        index=named.index,
        split=named.split or person.split,
        age=person.age,
        sex=person.sex,
        ethnicity=person.ethnicity,
        site=named.site or person.site,
    )


def _numbered(scans: list[Scan]) -> list[Scan]:
    numbered, counts = [], defaultdict[str, int](int)
    for scan in sorted(scans, key=lambda scan: _by_value(scan.path)):
        if scan.index is None:
            scan = replace(scan, index=counts[fold(scan.subject)])  # noqa: PLW2901
            counts[fold(scan.subject)] += 1
        numbered.append(scan)
    return numbered


def _by_value(path: str) -> tuple[list[tuple[int, str]], str]:
    # "10" after "9": a run of digits is ordered by its length, without zeros before it, first.
    parts = re.split(r"(\d+)", path)
    return [
        (len(part.lstrip("0")), part.lstrip("0")) if i % 2 else (0, part)
        for i, part in enumerate(parts)
    ], path
