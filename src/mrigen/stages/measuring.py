"""Every file of a cohort measured, by as many processes as there are."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

from mrigen.data.scans import LeftOut, Scan
from mrigen.data.survey.measure import Depth, FileMeasures, measure_file
from mrigen.data.workers import available_cores, ordered_answers
from mrigen.stages.progress import shown

_TOGETHER = 32


def measure_scans(
    scans: Sequence[Scan],
    *,
    root: Path,
    max_voxels: int,
    depth: Depth,
    workers: int | None,
    shown_as: str | None,
) -> tuple[list[FileMeasures], list[LeftOut]]:
    """Measure the files of scans; of each a few kilobytes are kept.

    Parameters
    ----------
    scans
        Those of one file next to each other.
    root
        To which their paths are relative.
    max_voxels
        The most voxels a file may declare.
    depth
        How closely to look.
    workers
        Processes; None takes all cores.
    shown_as
        Name beside the progress bar; None shows none.

    Returns
    -------
    files
        In the order of the scans.
    left_out
        Those that turned out to be unusable, with the reason.
    """
    measure = partial(measure_file, root=root, max_voxels=max_voxels, depth=depth)
    tasks = [list(group) for _, group in groupby(scans, key=lambda scan: scan.path)]
    # Pictures and headers take milliseconds each.
    quick = not depth.pixels or any(scan.plane is not None for scan in scans)
    together = _TOGETHER if quick else 1
    processes = workers or available_cores()
    files: list[FileMeasures] = []
    left_out: list[LeftOut] = []
    with ordered_answers(measure, tasks, workers=processes, together=together) as answers:
        for answer in answers if shown_as is None else shown(answers, shown_as, len(tasks)):
            if isinstance(answer, LeftOut):
                left_out.append(answer)
            else:
                files.append(answer)
    return files, left_out
