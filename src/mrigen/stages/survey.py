"""`mrigen data report`: a cohort in figures, on one page."""

import json
import logging
from dataclasses import replace
from pathlib import Path

from mrigen.atomic import atomic_folder
from mrigen.data.records import Plane
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.selection import BrainContent
from mrigen.data.sources import find_scans
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.survey.measure import Depth
from mrigen.data.survey.page import render_survey
from mrigen.data.survey.remarks import find_remarks
from mrigen.data.survey.stored import people_by_split, pixel_histograms
from mrigen.data.survey.summary import Survey, survey_numbers
from mrigen.errors import ConfigError, DataError
from mrigen.project import Project
from mrigen.stages.measuring import measure_scans

PAGE, NUMBERS = "index.html", "survey.json"

_log = logging.getLogger(__name__)


def survey(
    project: Project,
    source: str | None = None,
    *,
    out: Path,
    dataset: str | None = None,
    plane: Plane | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Path:
    """Measure every scan of a source and write `index.html` and `survey.json`.

    Parameters
    ----------
    project
        The project folder; it needs no index.
    source
        Key of the source in `params.yaml`; may be left out where `dataset` names one, or where
        there is only one.
    out
        A new folder, an empty one, or that of an earlier report, which is replaced.
    dataset
        Key of a dataset of this source: its modalities, its plane, its brain masks and its content
        rule are used, and where it has been cut, its pixels and its splits are drawn.
    plane
        Direction in which slices are measured; that of the dataset, or axial, by default. Pictures
        have their own.
    workers
        Processes; all cores by default.
    progress
        Show how far it is on standard error.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If `params.yaml` has no such source or dataset, or the dataset is of another source.
    DataError
        If no scan can be used, or `out` holds other files.
    """
    config = None if dataset is None else project.dataset_config(dataset)
    source = _choose_source(project, source, dataset, config)
    _check_out(out)
    shows = project.params.sources[source].plane  # of pictures, which can be seen in no other
    depth = _depth(project, config, shows or plane)
    measured = _measure(project, source, config, depth, workers, progress)
    if dataset is not None:
        measured = _with_store(measured, project, dataset)
    with atomic_folder(out) as folder:
        (folder / PAGE).write_text(render_survey(measured), encoding="utf-8")
        numbers = json.dumps(survey_numbers(measured), indent=2, ensure_ascii=False)
        (folder / NUMBERS).write_text(numbers + "\n", encoding="utf-8")
    return out / PAGE


def _choose_source(
    project: Project, source: str | None, dataset: str | None, config: DatasetConfig | None
) -> str:
    known = ", ".join(f"'{name}'" for name in project.params.sources)
    if source is None and config is None and len(project.params.sources) > 1:
        raise ConfigError(f"params.yaml has several sources: name one of {known}.")
    chosen = source or (config.source if config else next(iter(project.params.sources)))
    if chosen not in project.params.sources:
        raise ConfigError(f"source '{chosen}' is not in params.yaml: expected one of {known}.")
    if config is not None and config.source != chosen:
        raise ConfigError(
            f"dataset '{dataset}' is cut from source '{config.source}', not '{chosen}': "
            "name that source, or leave it out."
        )
    return chosen


def _check_out(out: Path) -> None:
    if not out.exists():
        return
    names = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    # A page by itself may be anybody's.
    if names not in (set(), {PAGE, NUMBERS}):
        other = min(names - {PAGE, NUMBERS} or names)
        raise DataError(
            f"'{out}' holds '{other}', which is not of a report: expected a new or empty "
            "folder, or an earlier report. Name another with --out."
        )


def _depth(project: Project, config: DatasetConfig | None, plane: Plane | None) -> Depth:
    if config is None:
        return Depth(plane=plane or "axial", masks=project.masks)
    if config.brain_mask is not None and config.brain_mask.by == "deepbet":
        _log.info(
            "brain masks that are not in %s yet take some seconds a volume", project.masks.name
        )
    return Depth(
        plane=plane or config.plane,
        mask=config.brain_mask,
        skull_strip=config.skull_strip,
        masks=project.masks,
    )


def _above(config: DatasetConfig | None) -> float:
    content = None if config is None else config.selection.content
    return (content if isinstance(content, BrainContent) else BrainContent(rule="brain")).above


def _measure(
    project: Project,
    source: str,
    config: DatasetConfig | None,
    depth: Depth,
    workers: int | None,
    progress: bool,
) -> Survey:
    found = find_scans(project.root, source, project.params.sources[source])
    scans = [s for s in found.scans if config is None or s.modality in config.modalities]
    files, damaged = measure_scans(
        scans,
        root=project.root,
        max_voxels=project.params.sources[source].max_voxels,
        depth=depth,
        workers=workers,
        shown_as=source if progress else None,
    )
    left_out = [*found.left_out, *damaged]
    if not files:
        why = f": the first because {left_out[0].reason}" if left_out else "."
        raise DataError(f"no scan of source '{source}' can be used{why}")
    usable = {file.facts.path for file in files}
    kept = [scan for scan in scans if scan.path in usable]
    return Survey(
        source=source,
        dataset=None,
        plane=depth.plane or "axial",
        above=_above(config),
        scans=kept,
        files=files,
        left_out=sorted(left_out, key=lambda entry: (entry.path, entry.reason)),
        notes=[*found.notes, *find_remarks(files, kept)],
    )


def _with_store(measured: Survey, project: Project, dataset: str) -> Survey:
    if not project.processed(dataset).is_dir():
        note = (
            f"dataset '{dataset}' has not been cut: run mrigen slices {dataset} to see its pixels "
            "and its splits here"
        )
        return replace(measured, dataset=dataset, notes=[*measured.notes, note])
    store = SliceStore(project.processed(dataset))
    return replace(
        measured,
        dataset=dataset,
        warnings=store.warnings,
        pixels=list(pixel_histograms(store)),
        splits=people_by_split(store.manifest),
    )
