"""`mrigen slices`: the volumes of one dataset to its slice store."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain, groupby
from typing import Any, TypeVar

from mrigen.data.records import ScanSlices
from mrigen.data.slicing.cohort import CohortFacts, gather_facts, needs_cohort
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.extraction import describe_file, extract_file
from mrigen.data.slicing.picture_slices import check_picture_config
from mrigen.data.sources import LeftOut, Scan, read_scans
from mrigen.data.store.slice_store import SliceStore
from mrigen.data.store.writing import write_store
from mrigen.data.workers import available_cores, ordered_answers
from mrigen.errors import DataError
from mrigen.project import Project
from mrigen.stages.index import SCANS
from mrigen.stages.progress import shown

Answer = TypeVar("Answer")

# A picture is cut in milliseconds, less than it takes to ask another process for it.
_PICTURES_TOGETHER = 64

_log = logging.getLogger(__name__)


def slices(
    project: Project, dataset: str, *, workers: int | None = None, progress: bool = True
) -> SliceStore:
    """Cut the volumes of a dataset into `processed/<dataset>/`.

    Files that turn out to be damaged or empty are named in the store's summary with the reason
    and what to do; the others go on. The bytes written do not depend on `workers`. Where scaling
    or a content rule looks at the whole cohort, all files are read twice.

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
        If `params.yaml` has no such dataset, or it asks of pictures what takes a volume.
    DataError
        If the index is missing, or no scan is left, or too few subjects for the splits.
    """
    config = project.dataset_config(dataset)
    files = _files(read_scans(project.index / SCANS), dataset, config)
    if any(file[0].plane is not None for file in files):
        check_picture_config(dataset, config)
    places: dict[str, Any] = {
        "config": config,
        "root": project.root,
        "max_voxels": project.params.sources[config.source].max_voxels,
        "masks": project.masks,
    }
    work = partial(_answers, files, workers=workers or available_cores(), progress=progress)
    left_out: list[LeftOut] = []
    start = time.monotonic()
    cohort: CohortFacts | None = None
    if needs_cohort(config):
        with work(partial(describe_file, **places), name=f"{dataset}: cohort") as facts:
            cohort = gather_facts(chain.from_iterable(facts), config)
    with work(partial(extract_file, cohort=cohort, **places), name=dataset) as answers:
        store = write_store(
            project.processed(dataset), _keep(answers, left_out), config=config, left_out=left_out
        )
    _tell(store, dataset, left_out, time.monotonic() - start)
    return store


@contextmanager
def _answers(
    files: Sequence[Sequence[Scan]],
    function: Callable[[Sequence[Scan]], Answer],
    *,
    name: str,
    workers: int,
    progress: bool,
) -> Iterator[Iterator[Answer]]:
    together = _PICTURES_TOGETHER if files[0][0].plane is not None else 1
    with ordered_answers(function, files, workers=workers, together=together) as answers:
        yield shown(answers, name, len(files)) if progress else answers


def _tell(store: SliceStore, dataset: str, left_out: Iterable[LeftOut], seconds: float) -> None:
    for entry in left_out:
        _log.warning("left out %s: %s", entry.path, entry.reason)
    for warning in store.warnings:
        _log.warning("%s: %s", dataset, warning)
    _log.info(
        "%s: %d slices of %d subjects in %.1f s",
        *(dataset, len(store), store.manifest["subject"].nunique(), seconds),
    )


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
