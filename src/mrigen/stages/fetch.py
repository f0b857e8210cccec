"""`mrigen data fetch`: a published cohort from its publisher to the folder a source reads."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from mrigen.atomic import write_text
from mrigen.data.fetch.download import PAUSES_S, check_file, download
from mrigen.data.fetch.published import COHORTS, CohortName, PublishedCohort
from mrigen.data.fetch.unpack import unpack

ATTRIBUTION = "ATTRIBUTION.txt"

_log = logging.getLogger(__name__)


def fetch(
    name: CohortName,
    root: Path,
    *,
    out: Path | None = None,
    progress: bool = True,
    cohort: PublishedCohort | None = None,
    pauses_s: Sequence[float] = PAUSES_S,
) -> Path:
    """Download and unpack a published cohort; what is there already is left as it is.

    Parameters
    ----------
    name
        "ixi" or "decathlon".
    root
        Where a relative `out` starts: the project's folder.
    out
        The cohort's folder; by default the one that the project's own `params.yaml` names. An
        archive that was put here by hand is used in place of a download, and stays.
    progress
        Show how far it is on standard error.
    cohort
        Another than the published one of this name.
    pauses_s
        Seconds before each further attempt.

    Returns
    -------
    The cohort's folder.

    Raises
    ------
    DataError
        If nothing can be downloaded, the disk is too small, or a file is not what is published.
    """
    cohort = cohort or COHORTS[name]
    out = Path(cohort.default) if out is None else out
    folder = root / out
    for table in cohort.tables:
        if not (folder / table.name).exists():
            with _shown(table.name, progress) as report:
                part = download(table, folder, report=report, pauses_s=pauses_s)
            part.replace(folder / table.name)
    target = folder / cohort.folder
    if target.exists():
        _log.info("'%s' is there already: remove it to fetch it again", target)
    else:
        _fetch_archive(cohort, folder, progress=progress, pauses_s=pauses_s)
    text = f"{cohort.attribution}\nLicence: {cohort.licence}\n"
    write_text(folder / ATTRIBUTION, text)
    _log.info("%s", text.rstrip())
    _log.info("in params.yaml, under 'sources': %s", cohort.source.format(path=out.as_posix()))
    return folder


def _fetch_archive(
    cohort: PublishedCohort, folder: Path, *, progress: bool, pauses_s: Sequence[float]
) -> None:
    published = cohort.archive
    by_hand = folder / published.name
    if by_hand.exists():
        archive = by_hand
        check_file(archive, published, f"'{archive}'", remedy="Remove it, or put a good copy there")
    else:
        with _shown(published.name, progress) as report:
            archive = download(published, folder, report=report, pauses_s=pauses_s, copies=2)
    with _shown(f"unpack {published.name}", progress) as report:
        ignored = unpack(archive, folder / cohort.folder, cohort, report=report)
    if ignored:
        _log.info("%s: left out %d files that are no scans of it", published.name, ignored)
    if archive != by_hand:
        archive.unlink()


@contextmanager
def _shown(what: str, progress: bool) -> Iterator[Callable[[int, int | None], None]]:
    console = Console(stderr=True)
    shown = progress and console.is_terminal
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    if progress and not shown:
        _log.info("%s ...", what)
    with Progress(*columns, console=console, disable=not shown) as bar:
        task = bar.add_task(what, total=None)

        def report(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield report
