"""`mrigen data export`: a slice store to pictures or volumes for other programs."""

import logging
from pathlib import Path
from typing import Literal

from rich.progress import MofNCompleteColumn

from mrigen.data.export.pictures import Study, export_pictures
from mrigen.data.export.volumes import export_volumes
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import ConfigError
from mrigen.project import Project
from mrigen.stages.progress import reporting

_log = logging.getLogger(__name__)


def export(
    project: Project,
    dataset: str,
    *,
    to: Literal["pictures", "nifti"],
    out: Path,
    study: Study | None = None,
    progress: bool = True,
) -> Path:
    """Write the slices of a dataset as pictures or as volumes.

    Parameters
    ----------
    project
        With the dataset's slices, made by `mrigen slices`.
    dataset
        Key of the dataset in `params.yaml`.
    to
        "pictures": a PNG file for each slice; "nifti": a volume for each scan.
    out
        The folder, from the project's where it is relative; absent, empty or an earlier export.
    study
        Whose layout the pictures have; None is `<split>/<subject>/<scan>_<slice>.png`.
    progress
        Show how far it is on standard error.

    Returns
    -------
    The folder.

    Raises
    ------
    ConfigError
        If `params.yaml` has no such dataset, or a study's layout is asked of volumes.
    DataError
        If there are no slices yet, or the folder is in use, or the dataset does not fit the format.
    """
    project.dataset_config(dataset)
    if study is not None and to != "pictures":
        raise ConfigError(
            f"--study is '{study}' with --to {to}: the studies kept pictures. Use --to pictures, "
            "or leave --study out."
        )
    store = SliceStore(project.processed(dataset))
    folder = (project.root / out).resolve()
    with reporting(dataset, MofNCompleteColumn(), shown=progress) as report:
        if to == "pictures":
            count = export_pictures(store, folder, study=study, report=report)
            _log.info("%s: %d pictures in '%s'", dataset, count, folder)
        else:
            for note in export_volumes(store, folder, report=report):
                _log.info("%s: %s", dataset, note)
            _log.info("%s: volumes in '%s'", dataset, folder)
    for warning in store.warnings:
        _log.warning("%s: %s", dataset, warning)
    return folder
