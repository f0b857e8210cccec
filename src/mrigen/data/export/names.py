"""File names for the scans of a store: readable, safe on any disk, and no two the same."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

# Disks take names of 255 bytes, and numbers, modalities and endings follow.
_MAX_BYTES = 200
# Follows the name of a scan in that of its label map.
LABEL = "_label"
_ENDINGS = (".nii.gz", ".nii", ".png", ".jpg", ".jpeg")


class StoredScan(NamedTuple):
    """One scan of a store.

    Attributes
    ----------
    subject, name
        As parts of a file name. `name` is that of the scan's file without its ending, with the
        modality where the file has several; a number is added where two would be the same.
    rows : (N,) int
        Of the store, in ascending order of the slice number.
    """

    subject: str
    name: str
    rows: npt.NDArray[np.int64]


def stored_scans(manifest: pd.DataFrame) -> list[StoredScan]:
    """Return the scans of a manifest in their order, with names that can be told apart."""
    # On some disks names that differ by case alone are one file.
    taken: set[str] = set()
    groups = manifest.groupby(["subject", "path", "channel"], sort=False, dropna=False).indices
    scans = []
    for rows in groups.values():
        first = manifest.iloc[rows[0]]
        name = _safe(_stem(cast("str", first["path"])))
        if pd.notna(first["channel"]):
            name = f"{name}_{first['modality']}"
        name = _unused(name, taken)
        indices = manifest["index"].to_numpy()[rows]
        # The name of the source is left off: all scans of a store are of one.
        subject = _safe(cast("str", first["subject"]).partition("/")[2] or first["subject"])
        ordered = np.asarray(rows, np.int64)[np.argsort(indices, kind="stable")]
        scans.append(StoredScan(subject, name, ordered))
    return scans


def _stem(path: str) -> str:
    name = PurePosixPath(path).name
    for ending in _ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _safe(name: str) -> str:
    safe = re.sub(r"^\.+|[^\w.-]+", "_", name) or "_"
    return safe.encode()[:_MAX_BYTES].decode(errors="ignore")


def _unused(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while not taken.isdisjoint(both := {free.casefold(), f"{free}{LABEL}".casefold()}):
        number += 1
        free = f"{name}-{number}"
    taken |= both
    return free
