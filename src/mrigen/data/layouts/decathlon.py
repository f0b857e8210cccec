"""The layout of the Medical Segmentation Decathlon: `dataset.json` and multi-channel files."""

import json
import re
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mrigen.config import describe
from mrigen.data.layouts.companions import CompanionFinder
from mrigen.data.layouts.place import Found, Place
from mrigen.data.scans import LeftOut, Modality, Scan
from mrigen.data.volumes.headers import check_header
from mrigen.errors import DataError

_NAME = re.compile(r"(?P<subject>\w+)(?i:\.nii(\.gz)?)", re.ASCII)
_MODALITIES: dict[str, Modality] = {
    "flair": "FLAIR",
    "t1": "T1w",
    "t1w": "T1w",
    "t1gd": "T1Gd",
    "t2": "T2w",
    "t2w": "T2w",
}
_MAX_BYTES = 2**24


class _Case(BaseModel):
    image: str
    label: str | None = None


class _Description(BaseModel):
    """The part of `dataset.json` that is read; it has many other keys."""

    model_config = ConfigDict(extra="ignore")

    modality: dict[int, str] = Field(min_length=1)
    training: list[_Case]
    test: list[str | _Case] = []


def find_decathlon(place: Place) -> Found:
    """Find the scans that `dataset.json` names, one per channel.

    The name of a file is the person: `BRATS_001.nii.gz` is BRATS_001. Cases under `test`, which
    have no label maps, are taken where the source asks for unlabelled scans.

    Raises
    ------
    DataError
        If `dataset.json` is missing or cannot be understood.
    """
    description = _read_description(place, place.folder / "dataset.json")
    modalities = _modalities(description)
    companions = CompanionFinder(place)
    scans: list[Scan] = []
    left_out: list[LeftOut] = []
    seen: set[PurePosixPath] = set()
    for case in _cases(description, unlabelled=place.config.unlabelled):
        try:
            image = _inside(case.image)
            if image in seen:
                raise DataError(f"dataset.json lists '{image}' more than once: the first is used.")
            seen.add(image)
            scans += _case_scans(place, case, modalities, companions)
        except DataError as error:
            where = PurePosixPath(place.config.path) / case.image.lstrip("/")
            left_out.append(LeftOut(where.as_posix(), str(error)))
    return Found(scans, left_out, _notes(description, place))


def _cases(description: _Description, *, unlabelled: bool) -> list[_Case]:
    if not unlabelled:
        return description.training
    untold = [_Case(image=case) if isinstance(case, str) else case for case in description.test]
    return description.training + untold


def _notes(description: _Description, place: Place) -> list[str]:
    if place.config.unlabelled or not description.test:
        return []
    return [
        f"{len(description.test)} cases under 'test' of dataset.json are not read: "
        "they have no label maps, and the source does not say 'unlabelled: true'"
    ]


def _read_description(place: Place, path: Path) -> _Description:
    name = f"{path.parent.name}/{path.name}"
    try:
        if path.exists():
            place.check_file(path)
        with path.open("rb") as file:
            values = json.loads(file.read(_MAX_BYTES))
        return _Description.model_validate(values)
    except FileNotFoundError:
        raise DataError(
            f"'{name}' does not exist: expected the Decathlon's dataset.json. Put it there, or "
            "correct the source's path or layout in params.yaml."
        ) from None
    except ValidationError as error:
        raise DataError(f"{name}: {describe(error, _Description, values)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"'{name}' is not readable JSON ({error}). Replace it.") from None


def _modalities(description: _Description) -> list[Modality]:
    count = len(description.modality)
    names = [description.modality.get(channel, "") for channel in range(count)]
    for channel, name in enumerate(names):
        if _key(name) not in _MODALITIES:
            raise DataError(
                f"dataset.json calls channel {channel} '{name}': expected FLAIR, T1w, T1gd or "
                "T2w for each channel from 0 up. Correct its 'modality'."
            )
    return [_MODALITIES[_key(name)] for name in names]


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _inside(text: str) -> PurePosixPath:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(
            f"dataset.json names '{text}', which leads out of its folder: expected a relative "
            "path. Correct dataset.json."
        )
    if not text.isprintable():
        raise DataError(
            f"dataset.json names '{text}', which holds characters that cannot be printed: expected "
            "an ordinary file name. Rename the file and correct dataset.json."
        )
    return path


def _case_scans(
    place: Place, case: _Case, modalities: list[Modality], companions: CompanionFinder
) -> list[Scan]:
    path = place.folder / _inside(case.image)
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise DataError(
            f"dataset.json names '{case.image}': expected a .nii.gz file named by letters, "
            "digits and underscores. Correct dataset.json."
        )
    place.take(path)
    header = check_header(path, place.config.max_voxels)
    if (header.channels or 1) != len(modalities):
        raise DataError(
            f"scan '{path.name}' has {header.channels or 1} channels: expected "
            f"{len(modalities)}, as dataset.json says. Re-export the volume or remove it."
        )
    mask, label = companions.find(path, match["subject"])
    return [
        Scan(
            path=place.relative(path),
            source=place.source,
            subject=f"{place.source}/{match['subject']}",
            modality=modality,
            channel=None if header.channels is None else channel,
            label_path=label or _label(place, case),
            mask_path=mask,
        )
        for channel, modality in enumerate(modalities)
    ]


def _label(place: Place, case: _Case) -> str | None:
    if case.label is None:
        return None
    label = place.folder / _inside(case.label)
    try:
        label.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(
            f"dataset.json names the label '{label.name}', which cannot be looked up "
            f"({error.strerror}). Correct dataset.json, or the permissions of the folder."
        ) from None
    place.check_file(label)
    return place.relative(label)
