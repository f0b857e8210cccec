"""The layout of BIDS: `sub-*/[ses-*/]anat/*_T1w.nii.gz` and `participants.tsv`.

References
----------
Gorgolewski et al., The brain imaging data structure, https://doi.org/10.1038/sdata.2016.44
"""

import re
from collections.abc import Mapping
from pathlib import Path

from mrigen.data.layouts.companions import CompanionFinder
from mrigen.data.layouts.people import People
from mrigen.data.layouts.people_table import read_people
from mrigen.data.layouts.place import Found, Place, check_volume, some, visible
from mrigen.data.scans import LeftOut, Modality, Scan
from mrigen.errors import DataError

TABLE = "participants.tsv"
_NAME = re.compile(r"(?P<entities>.+)_(?P<suffix>[A-Za-z0-9]+)(?i:\.nii(\.gz)?)")
_MODALITIES: dict[str, Modality] = {"T1w": "T1w", "T2w": "T2w", "FLAIR": "FLAIR", "PDw": "PDw"}
# Magnitudes are pictures of the head; phases, real and imaginary parts are not.
_PICTURES = ("", "mag")


def find_bids(place: Place) -> Found:
    """Find the anatomical scans of all subjects and sessions, raw data only.

    Images of other kinds than T1w, T2w, FLAIR and PDw are not looked at.

    Raises
    ------
    DataError
        If the folder has no `sub-*`.
    """
    left_out: list[LeftOut] = []
    people = _people(place, left_out)
    companions = CompanionFinder(place)
    scans: list[Scan] = []
    images, without = _images(place, left_out)
    for path in images:
        try:
            scans.append(_scan(path, place, people, companions))
        except DataError as error:
            left_out.append(place.left_out(path, error))
    names = {scan.subject.partition("/")[2] for scan in scans}
    notes = [*people.notes, *people.missing({name: name for name in names})]
    if without:
        kinds = ", ".join(_MODALITIES)
        notes.append(f"{len(without)} folders sub-* hold no image of {kinds}: {some(without)}")
    return Found(scans, left_out, notes)


def _people(place: Place, left_out: list[LeftOut]) -> People:
    table = place.folder / TABLE
    if not table.exists():
        return People(notes=(f"no {TABLE}: age and sex are unknown",))
    try:
        place.check_file(table)
        return read_people(table)
    except DataError as error:
        left_out.append(place.left_out(table, error))
        return People(notes=(f"{TABLE} cannot be read: age and sex are unknown",))


def _images(place: Place, left_out: list[LeftOut]) -> tuple[list[Path], list[str]]:
    """List the images, and the folders of subjects that hold none."""
    subjects = [path for path in visible(place.folder) if _is_folder(path, "sub-")]
    if not subjects:
        raise DataError(
            f"source '{place.source}' in '{place.config.path}' has no folder sub-*: expected the "
            "layout of BIDS. Correct the source's path or layout in params.yaml."
        )
    images: list[Path] = []
    without: list[str] = []
    for subject in subjects:
        try:
            place.check_link(subject)
            sessions = [path for path in visible(subject) if _is_folder(path, "ses-")]
            found = [path for each in (subject, *sessions) for path in _anatomical(each / "anat")]
            images += found
            without += [] if found else [subject.name]
        except DataError as error:
            left_out.append(place.left_out(subject, error))
        except OSError as error:
            reason = f"folder '{subject.name}' cannot be read ({error.strerror}): correct its "
            left_out.append(LeftOut(place.relative(subject), reason + "permissions."))
    return images, without


def _is_folder(path: Path, prefix: str) -> bool:
    return path.name.startswith(prefix) and path.is_dir()


def _anatomical(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    matches = ((path, _NAME.fullmatch(path.name)) for path in visible(folder))
    return [path for path, match in matches if match and match["suffix"] in _MODALITIES]


def _scan(path: Path, place: Place, people: People, companions: CompanionFinder) -> Scan:
    place.take(path)
    match = _NAME.fullmatch(path.name)
    entities = _entities(match["entities"] if match else "")
    parents = _entities("_".join(Path(place.within(path)).parts[:-2]))
    if match is None or not parents["sub"] or not parents.items() <= entities.items():
        raise DataError(
            f"scan '{path.name}' is not named after its folders, "
            f"'{Path(place.within(path)).parent.as_posix()}': expected sub-<label>_[ses-<label>_]"
            "..._T1w.nii.gz. Rename it, or move it to its subject."
        )
    if entities.get("part", "") not in _PICTURES:
        raise DataError(
            f"scan '{path.name}' is the {entities['part']} part of a complex image: expected "
            "magnitudes. Remove it from anat, or export its magnitude."
        )
    check_volume(path, place.config.max_voxels)
    subject = entities["sub"]
    person = people.find(subject)
    mask, label = companions.find(path, subject)
    return Scan(
        path=place.relative(path),
        source=place.source,
        subject=f"{place.source}/{subject}",
        modality=_modality(match["suffix"], entities),
        label_path=label,
        mask_path=mask,
        split=person.split,
        age=person.age,
        sex=person.sex,
        ethnicity=person.ethnicity,
        site=person.site,
    )


def _modality(suffix: str, entities: Mapping[str, str]) -> Modality:
    # `ce` names the contrast agent.
    return "T1Gd" if suffix == "T1w" and "ce" in entities else _MODALITIES[suffix]


def _entities(text: str) -> dict[str, str]:
    pairs = (part.partition("-") for part in text.split("_"))
    return {key: value for key, mark, value in pairs if mark}
