"""Cohorts on disk: which scans there are, of whom, and which files cannot be used."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field, field_validator

from mrigen.config import Config
from mrigen.data.decathlon import find_decathlon
from mrigen.data.ixi import find_ixi, table_notes
from mrigen.data.scans import LeftOut, Modality, Scan, read_scans, scan_order, write_scans
from mrigen.errors import DataError

__all__ = [
    "LeftOut",
    "Modality",
    "Scan",
    "SourceConfig",
    "find_notes",
    "find_scans",
    "read_scans",
    "write_scans",
]


class SourceConfig(Config):
    """One cohort.

    Attributes
    ----------
    layout
        "ixi": files named `<SUBJECT>-<SITE>-<NUMBER>-T1.nii.gz` in the folder or in its
        `IXI-T1`, with `IXI.csv` or `IXI.xls` beside them; "decathlon": a `dataset.json` that
        names files with one channel per modality.
    path
        The folder, relative to the project, with forward slashes.
    max_voxels
        The most voxels a file may declare; larger ones are left out unread.
    """

    layout: Literal["ixi", "decathlon"]
    path: str = Field(min_length=1)
    max_voxels: int = Field(default=2**28, ge=1)

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError("a folder inside the project, relative to it; it may be a link")
        return path


def find_scans(root: Path, name: str, config: SourceConfig) -> tuple[list[Scan], list[LeftOut]]:
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
    scans
        Sorted by subject, path and channel.
    left_out
        Files that belong to the cohort by their place and cannot be used, sorted by path.

    Raises
    ------
    DataError
        If the folder or its `dataset.json` is missing or cannot be read or understood.
    """
    try:
        return _find(root, name, config)
    except OSError as error:
        raise DataError(
            f"source '{name}' lies in '{config.path}', which cannot be read ({error.strerror}): "
            f"correct its permissions, or sources.{name}.path in params.yaml."
        ) from None


def _find(root: Path, name: str, config: SourceConfig) -> tuple[list[Scan], list[LeftOut]]:
    folder = root / config.path
    if not folder.is_dir():
        raise DataError(
            f"source '{name}' lies in '{config.path}', which is not a folder: "
            f"put the cohort there, or correct sources.{name}.path in params.yaml."
        )
    find = find_ixi if config.layout == "ixi" else find_decathlon
    scans, left_out = find(root, folder, source=name, max_voxels=config.max_voxels)
    return sorted(scans, key=scan_order), sorted(left_out, key=lambda entry: entry.path)


def find_notes(root: Path, config: SourceConfig, scans: Sequence[Scan]) -> list[str]:
    """Say what a reader should know of a source's table, subjects and labels."""
    notes = table_notes(root / config.path) if config.layout == "ixi" else []
    people = {scan.subject: scan for scan in scans}
    for covariate in ("age", "sex"):
        unknown = sum(getattr(person, covariate) is None for person in people.values())
        if unknown:
            notes.append(f"{covariate} is unknown for {unknown} of {len(people)} subjects")
    files = Counter(scan.subject for scan in {scan.path: scan for scan in scans}.values())
    repeated = sum(count > 1 for count in files.values())
    if repeated:
        notes.append(f"{repeated} subjects have more than one file; each stays in one split")
    if config.layout == "decathlon":
        unlabelled = len({scan.path for scan in scans if scan.label_path is None})
        if unlabelled:
            notes.append(f"{unlabelled} of {sum(files.values())} files have no label map")
    return notes
