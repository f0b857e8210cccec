"""What a dataset of slices holds, in numbers and in the pictures chosen for a look at it."""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from mrigen.data.splits import SPLITS

ORIENTATION = "radiological: row 0 is anterior, column 0 is the patient's right side"
SHEET_ROWS, SHEET_COLUMNS = 8, 8


def describe_manifest(manifest: pd.DataFrame) -> dict[str, Any]:
    """Count slices, scans and subjects, and give the ranges of the geometry and the ages."""
    parts = {split: manifest[manifest["split"] == split] for split in SPLITS}
    return {
        "orientation": ORIENTATION,
        "slices": len(manifest),
        "scans": len(_scans(manifest)),
        "subjects": int(manifest["subject"].nunique()),
        "splits": {
            split: {"slices": len(part), "subjects": int(part["subject"].nunique())}
            for split, part in parts.items()
        },
        "modalities": _counts(manifest["modality"]),
        "pixel_mm": _range(manifest["pixel_mm"]),
        "spacing_mm": _range(manifest["spacing_mm"]),
        "position_mm": _range(manifest["position_mm"]),
        "foreground_fraction": _range(manifest["foreground_fraction"]),
        "age": _range(manifest["age"]),
    }


def choose_sheet(manifest: pd.DataFrame) -> tuple[npt.NDArray[np.int64], int]:
    """Choose the slices of the contact sheet: a row per scan, from the lowest slice to the highest.

    Subjects are taken at even distances, each with all its scans.

    Returns
    -------
    rows : (R * columns,) int
        Rows of the manifest.
    columns
        Slices in a row of the sheet.
    """
    scans = _scans(manifest)
    subjects = manifest["subject"].unique()
    per_subject = len(scans) / len(subjects)
    shown = _evenly(len(subjects), max(1, int(SHEET_ROWS / per_subject)))
    chosen = set(subjects[shown])
    picked = [
        rows[_evenly(len(rows), SHEET_COLUMNS)]
        for (subject, *_), rows in scans.items()
        if subject in chosen
    ]
    columns = max(map(len, picked))
    padded = [np.pad(rows, (0, columns - len(rows)), mode="edge") for rows in picked]
    return np.concatenate(padded), columns


def _scans(manifest: pd.DataFrame) -> dict[tuple[Any, ...], npt.NDArray[np.int64]]:
    groups = manifest.groupby(["subject", "path", "modality"], sort=True).indices
    return {cast("tuple[Any, ...]", key): np.sort(rows) for key, rows in groups.items()}


def _evenly(count: int, wanted: int) -> npt.NDArray[np.int64]:
    return np.linspace(0, count - 1, min(count, wanted)).round().astype(np.int64)


def _counts(values: "pd.Series[str]") -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().sort_index().items()}


def _range(values: "pd.Series[float]") -> dict[str, float] | None:
    known = values.dropna()
    return {"min": float(known.min()), "max": float(known.max())} if len(known) else None
