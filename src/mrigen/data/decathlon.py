"""The layout of the Medical Segmentation Decathlon: `dataset.json` and multi-channel files."""

import json
import re
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mrigen.config import describe
from mrigen.data.headers import check_header
from mrigen.data.scans import LeftOut, Modality, Scan
from mrigen.errors import DataError

_NAME = re.compile(r"(?P<subject>\w+)\.nii(\.gz)?", re.ASCII)
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


def find_decathlon(
    root: Path, folder: Path, *, source: str, max_voxels: int
) -> tuple[list[Scan], list[LeftOut]]:
    """Find the training scans that `dataset.json` names, one per channel.

    The name of a file is the person: `BRATS_001.nii.gz` is BRATS_001.

    Parameters
    ----------
    root
        The project's folder; the paths in the answer are relative to it.
    folder
        Holds `dataset.json`.
    source
        Key of the source in `params.yaml`.
    max_voxels
        The most voxels a file may declare, over all its channels.

    Raises
    ------
    DataError
        If `dataset.json` is missing or cannot be understood.
    """
    description = _read_description(folder / "dataset.json")
    modalities = _modalities(description)
    scans: list[Scan] = []
    left_out: list[LeftOut] = []
    seen: set[PurePosixPath] = set()
    for case in description.training:
        try:
            image = _inside(case.image)
            if image in seen:
                raise DataError(f"dataset.json lists '{image}' more than once: the first is used.")
            seen.add(image)
            scans += _case_scans(root, folder, case, source, modalities, max_voxels)
        except DataError as error:
            place = folder.relative_to(root) / PurePosixPath(case.image.lstrip("/"))
            left_out.append(LeftOut(place.as_posix(), str(error)))
    return scans, left_out


def _read_description(path: Path) -> _Description:
    name = f"{path.parent.name}/{path.name}"
    try:
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
    root: Path,
    folder: Path,
    case: _Case,
    source: str,
    modalities: list[Modality],
    max_voxels: int,
) -> list[Scan]:
    path = folder / _inside(case.image)
    label = None if case.label is None else folder / _inside(case.label)
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise DataError(
            f"dataset.json names '{case.image}': expected a .nii.gz file named by letters, "
            "digits and underscores. Correct dataset.json."
        )
    header = check_header(path, max_voxels)
    if (header.channels or 1) != len(modalities):
        raise DataError(
            f"scan '{path.name}' has {header.channels or 1} channels: expected "
            f"{len(modalities)}, as dataset.json says. Re-export the volume or remove it."
        )
    labelled = label is not None and _is_file(label)
    return [
        Scan(
            path=path.relative_to(root).as_posix(),
            source=source,
            subject=f"{source}/{match['subject']}",
            modality=modality,
            channel=None if header.channels is None else channel,
            label_path=label.relative_to(root).as_posix() if label and labelled else None,
        )
        for channel, modality in enumerate(modalities)
    ]


def _is_file(label: Path) -> bool:
    try:
        return label.is_file()
    except OSError as error:
        raise DataError(
            f"dataset.json names the label '{label.name}', which cannot be looked up "
            f"({error.strerror}). Correct dataset.json, or the permissions of the folder."
        ) from None
