"""`mrigen slices`: the volumes of one dataset to its slice store."""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mrigen.data.dataset import DatasetConfig
from mrigen.data.extraction import extract_file
from mrigen.data.records import ScanSlices
from mrigen.data.sources import LeftOut, Scan, read_scans
from mrigen.data.store import SliceStore
from mrigen.data.store_writer import write_store
from mrigen.data.workers import available_cores, ordered_answers
from mrigen.errors import DataError
from mrigen.project import Project
from mrigen.stages.index import SCANS

LINE_SECONDS = 15.0

_log = logging.getLogger(__name__)


def slices(
    project: Project, dataset: str, *, workers: int | None = None, progress: bool = True
) -> SliceStore:
    """Cut the volumes of a dataset into `processed/<dataset>/`.

    Files that turn out to be damaged or empty are named in the store's summary with the reason
    and what to do; the others go on. The bytes written do not depend on `workers`.

    Parameters
    ----------
    project
        With an index, made by `mrigen index`.
    dataset
        Key of the dataset in `params.yaml`.
    workers
        Processes; all cores by default.
    progress
        Show how far it is on standard error.

    Raises
    ------
    ConfigError
        If `params.yaml` has no such dataset.
    DataError
        If the index is missing, or no scan is left, or too few subjects for the splits.
    """
    config = project.dataset_config(dataset)
    files = _files(read_scans(project.index / SCANS), dataset, config)
    cut = partial(
        extract_file,
        config=config,
        root=project.root,
        max_voxels=project.params.sources[config.source].max_voxels,
    )
    left_out: list[LeftOut] = []
    start = time.monotonic()
    with ordered_answers(cut, files, workers=workers or available_cores()) as answers:
        shown = _show(answers, dataset, len(files)) if progress else answers
        store = write_store(
            project.processed(dataset), _keep(shown, left_out), config=config, left_out=left_out
        )
    for entry in left_out:
        _log.warning("left out %s: %s", entry.path, entry.reason)
    _log.info(
        "%s: %d slices of %d subjects in %.1f s",
        *(dataset, len(store), store.manifest["subject"].nunique(), time.monotonic() - start),
    )
    return store


def _files(scans: Sequence[Scan], dataset: str, config: DatasetConfig) -> list[list[Scan]]:
    wanted = [
        scan
        for scan in scans
        if scan.source == config.source and scan.modality in config.modalities
    ]
    if not wanted:
        raise DataError(
            f"dataset '{dataset}' wants {', '.join(config.modalities)} scans of source "
            f"'{config.source}', and the index has none: run 'mrigen index', or correct "
            f"datasets.{dataset} in params.yaml."
        )
    return [list(group) for _, group in groupby(wanted, key=lambda scan: scan.path)]


def _keep(
    answers: Iterable[list[ScanSlices | LeftOut]], left_out: list[LeftOut]
) -> Iterator[ScanSlices]:
    for answer in answers:
        for outcome in answer:
            if isinstance(outcome, LeftOut):
                left_out.append(outcome)
            else:
                yield outcome


def _show(
    answers: Iterable[list[ScanSlices | LeftOut]], dataset: str, total: int
) -> Iterator[list[ScanSlices | LeftOut]]:
    # A bar on a terminal, a plain line now and then elsewhere.
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files"),
        TimeRemainingColumn(),
    )
    last = time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(dataset, total=total)
        for done, answer in enumerate(answers, start=1):
            yield answer
            bar.update(task, completed=done)
            if not console.is_terminal and time.monotonic() - last > LINE_SECONDS:
                last = time.monotonic()
                _log.info("%s: %d of %d files", dataset, done, total)
