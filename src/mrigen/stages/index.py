"""`mrigen index`: which scans there are, of whom, and which files cannot be used."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mrigen.atomic import atomic_folder
from mrigen.data.sources import LeftOut, Scan, find_scans, write_scans
from mrigen.data.survey.people import count_values, describe_cohort
from mrigen.errors import DataError
from mrigen.project import Project

SCANS, SUMMARY = "scans.parquet", "summary.json"

_log = logging.getLogger(__name__)


def index(project: Project) -> dict[str, Any]:
    """Find the scans of all sources and write `index/scans.parquet` and `index/summary.json`.

    Only names, tables and headers are read. A file that cannot be used is named in the summary
    with the reason and what to do.

    Returns
    -------
    The summary.

    Raises
    ------
    DataError
        If a source's folder is missing, or no scan of any source can be used.
    """
    scans: list[Scan] = []
    left_out: list[LeftOut] = []
    sources: dict[str, Any] = {}
    for name, config in sorted(project.params.sources.items()):
        found = find_scans(project.root, name, config)
        sources[name] = {
            **describe_cohort(found.scans),
            **_describe_files(found.scans),
            "left_out": len(found.left_out),
            "notes": found.notes,
        }
        scans += found.scans
        left_out += found.left_out
    if not scans:
        raise DataError(_nothing(project, left_out))
    summary = {
        "scans": len(scans),
        "sources": sources,
        "left_out": [asdict(entry) for entry in left_out],
    }
    with atomic_folder(project.index) as folder:
        write_scans(folder / SCANS, scans)
        text = json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
    _report(sources, left_out)
    return summary


def _describe_files(scans: Sequence[Scan]) -> dict[str, Any]:
    files = {scan.path: scan for scan in scans}.values()
    return {
        "labelled_files": sum(scan.label_path is not None for scan in files),
        "masked_files": sum(scan.mask_path is not None for scan in files),
        "declared_splits": count_values(scan.split for scan in files if scan.split),
    }


def _nothing(project: Project, left_out: Sequence[LeftOut]) -> str:
    places = ", ".join(f"'{config.path}'" for config in project.params.sources.values())
    if not left_out:
        return f"no scans were found in {places}: put a cohort there, or correct sources.*.path."
    return (
        f"no scan in {places} can be used: {len(left_out)} files were left out, the first because "
        f"{left_out[0].reason}"
    )


def _report(sources: dict[str, Any], left_out: Sequence[LeftOut]) -> None:
    for name, source in sources.items():
        _log.info(
            "%s: %d scans of %d subjects, %d files left out",
            *(name, source["scans"], source["subjects"], source["left_out"]),
        )
        for note in source["notes"]:
            _log.info("%s: %s", name, note)
    for entry in left_out:
        _log.warning("left out %s: %s", entry.path, entry.reason)
