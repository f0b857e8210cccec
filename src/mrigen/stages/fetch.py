"""`mrigen data fetch`: a published cohort from its publisher to the folder a source reads."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from rich.progress import DownloadColumn, TransferSpeedColumn

from mrigen.atomic import write_text
from mrigen.data.fetch.download import PAUSES_S, check_file, download
from mrigen.data.fetch.published import COHORTS, CohortName, PublishedCohort, PublishedFile
from mrigen.data.fetch.unpack import unpack
from mrigen.stages.progress import reporting

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
    target = folder / cohort.folder
    missing = [table for table in cohort.tables if not (folder / table.name).exists()]
    get = partial(_get, folder=folder, progress=progress, pauses_s=pauses_s)
    if target.exists():
        _log.info("'%s' is there already: remove it to fetch it again", target)
    else:
        archive = folder / cohort.archive.name
        by_hand = archive.exists()
        if by_hand:
            wrong = "Remove it, or put a good copy there"
            check_file(archive, cohort.archive, f"'{archive}'", remedy=wrong)
        else:
            archive = get(cohort.archive, needed=[cohort.archive, *missing], copies=2)
        _unpack(archive, target, cohort, progress=progress)
        if not by_hand:
            archive.unlink()
    for table in missing:
        get(table, needed=missing).replace(folder / table.name)
    text = f"{cohort.attribution}\nLicence: {cohort.licence}\n"
    write_text(folder / ATTRIBUTION, text)
    _log.info("%s", text.rstrip())
    _log.info("in params.yaml, under 'sources': %s", cohort.source.format(path=out.as_posix()))
    return folder


def _get(
    file: PublishedFile,
    *,
    folder: Path,
    progress: bool,
    pauses_s: Sequence[float],
    needed: Sequence[PublishedFile],
    copies: int = 1,
) -> Path:
    bar = (DownloadColumn(), TransferSpeedColumn())
    if progress:
        _log.info("%s from %s", file.name, urlsplit(file.addresses[0]).netloc)
    with reporting(file.name, *bar, shown=progress) as report:
        return download(
            *(file, folder), report=report, pauses_s=pauses_s, copies=copies, needed=needed
        )


def _unpack(archive: Path, target: Path, cohort: PublishedCohort, *, progress: bool) -> None:
    name = cohort.archive.name
    with reporting(f"unpack {name}", DownloadColumn(), shown=progress) as report:
        ignored = unpack(archive, target, cohort, report=report)
    if ignored:
        _log.info("%s: left out %d files that are no scans of it", name, ignored)
