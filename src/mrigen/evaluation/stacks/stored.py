"""Stacks of neighbouring slices among those of a store."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.data.store.slice_store import SliceStore
from mrigen.metrics.roughness import MIN_SLICES

_SCAN = ["subject", "path", "modality"]
_SLACK_MM = 1e-3  # within which distances are the same


class StoredStack(NamedTuple):
    """Neighbouring slices of one scan at even distances, from the lowest to the highest.

    Attributes
    ----------
    subject
        Whose head it is.
    rows : (N,) int64
        Of the manifest.
    spacing_mm
        Between neighbours.
    """

    subject: str
    rows: npt.NDArray[np.int64]
    spacing_mm: float


def stored_stacks(store: SliceStore, split: str, *, most_slices: int) -> list[StoredStack]:
    """Find the longest stack of each scan of a split.

    Parameters
    ----------
    store
        Of slices.
    split
        Whose scans.
    most_slices
        Of a stack; a longer one keeps those in its middle.

    Returns
    -------
    list
        Of scans with at least `MIN_SLICES` slices in a row, whose positions are known.
    """
    manifest = store.manifest
    known = manifest[(manifest["split"] == split) & manifest["position_mm"].notna()]
    found = []
    for key, part in known.groupby(_SCAN, sort=True):
        stack = _longest(str(key[0]), part, most_slices)
        if stack is not None:
            found.append(stack)
    return found


def _longest(subject: str, scan: pd.DataFrame, most_slices: int) -> StoredStack | None:
    ordered = scan.sort_values("position_mm", kind="stable")
    distances = np.diff(ordered["position_mm"].to_numpy(np.float64))
    if not len(distances):
        return None
    spacing = float(np.median(distances))
    # A slice begins a new run where the way to it is not the usual one.
    runs = np.split(
        np.arange(len(ordered)), np.flatnonzero(abs(distances - spacing) > _SLACK_MM) + 1
    )
    longest = max(runs, key=len)
    if len(longest) < MIN_SLICES or spacing <= 0:
        return None
    first = max(0, (len(longest) - most_slices) // 2)
    rows = ordered.index.to_numpy(np.int64)[longest[first : first + most_slices]]
    return StoredStack(subject, rows, spacing)
