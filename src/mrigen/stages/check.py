"""`mrigen data check`: what a folder holds, what would be left out, and how to name it."""

from dataclasses import replace
from pathlib import Path
from shlex import quote

from mrigen.config import parse_config
from mrigen.data.layouts.config import Layout
from mrigen.data.layouts.pictures import ENDINGS as PICTURE_ENDINGS
from mrigen.data.layouts.recognise import recognise
from mrigen.data.sources import Found, LeftOut, Scan, SourceConfig, find_scans
from mrigen.data.survey.findings import Findings, params_lines, source_name
from mrigen.data.survey.measure import Depth
from mrigen.data.survey.people import describe_cohort
from mrigen.data.survey.remarks import find_remarks
from mrigen.data.volumes.headers import check_header
from mrigen.errors import DataError
from mrigen.stages.measuring import measure_scans


def check(
    path: Path,
    *,
    project: Path = Path(),
    layout: Layout | None = None,
    quick: bool = False,
    follow_links: bool = False,
    workers: int | None = None,
    progress: bool = True,
) -> Findings:
    """Look at a folder or a file before it is named in `params.yaml`.

    Parameters
    ----------
    path
        A cohort's folder, or one file of it.
    project
        The project's folder, for the lines of `params.yaml`; it needs none yet.
    layout
        How the folder is laid out; None finds out.
    quick
        Read headers only: files that are cut off are not found then.
    follow_links
        Also read what symbolic links outside the folder point to.
    workers
        Processes; all cores by default.
    progress
        Show how far it is on standard error.

    Raises
    ------
    DataError
        If there is nothing at `path`, or no layout is recognised in it.
    """
    if not path.exists():
        raise DataError(f"'{path}' does not exist: expected a folder of scans, or one scan.")
    if not path.is_dir() and not path.is_file():
        raise DataError(f"'{path}' is not an ordinary file: expected a folder of scans, or a scan.")
    # A link keeps its name; `..` has none.
    whole = path.resolve() if ".." in path.parts else path.absolute()
    root = whole if whole.is_dir() else whole.parent
    name = source_name(root.name)
    if whole.is_dir():
        config, recognised = _recognise(whole, layout, follow_links=follow_links)
        scans, left_out, notes = find_scans(root, name, config)
        advice = params_lines(name, config, whole, project)
    else:
        config, recognised = SourceConfig(layout="folder", path="."), "one file"
        scans, left_out, notes = _single(whole, name, config.max_voxels)
        advice = (f"# to use it, see: mrigen data check {quote(str(root))}",)
    files, damaged = measure_scans(
        scans,
        root=root,
        max_voxels=config.max_voxels,
        depth=Depth(pixels=not quick),
        workers=workers,
        shown_as=name if progress else None,
    )
    usable = {file.facts.path for file in files}
    kept = [scan for scan in scans if scan.path in usable]
    return Findings(
        place=str(path),
        recognised=recognised,
        cohort=describe_cohort(kept),
        files=tuple(files),
        left_out=tuple(sorted([*left_out, *damaged], key=lambda entry: entry.path)),
        remarks=(*notes, *find_remarks(files, kept)),
        advice=advice,
        quick=quick,
    )


def _single(path: Path, source: str, max_voxels: int) -> Found:
    scan = Scan(path=path.name, source=source, subject=f"{source}/{path.name}", modality="T1w")
    if path.name.lower().endswith(PICTURE_ENDINGS):
        return Found([replace(scan, plane="axial", index=0)], [], [])
    try:
        count = check_header(path, max_voxels).channels
    except DataError as error:
        return Found([], [LeftOut(path.name, str(error))], [])
    channels = [None] if count is None else range(count)
    return Found([replace(scan, channel=channel) for channel in channels], [], [])


def _recognise(
    folder: Path, layout: Layout | None, *, follow_links: bool
) -> tuple[SourceConfig, str]:
    try:
        found = recognise(folder, follow_links=follow_links)
    except DataError:
        if layout is None:
            raise
        found = None
    if found is not None and layout in (None, found.config.layout):
        return found.config, f"the layout '{found.config.layout}', as {found.reason}"
    values = {"layout": layout, "path": ".", "follow_links": follow_links}
    config = parse_config(SourceConfig, values, source=f"--layout {layout}")
    return config, f"the layout '{layout}', as it was asked for"
