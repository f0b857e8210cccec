"""The manifest: a row per slice; what it holds in numbers, and the rows for a look at it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mrigen.data.records import Plane, SliceRecord
from mrigen.data.splits.config import SPLITS
from mrigen.data.tables import read_table, write_table

SHEET_ROWS, SHEET_COLUMNS = 8, 8

_TYPES: dict[object, pa.DataType] = {
    int: pa.int64(),
    float: pa.float64(),
    float | None: pa.float64(),
    int | None: pa.int64(),
}
MANIFEST_SCHEMA = pa.schema(
    [(field.name, _TYPES.get(field.type, pa.string())) for field in fields(SliceRecord)]
    + [("split", pa.string())]
)


def write_manifest(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write records, each with its split, as a new parquet file."""
    write_table(path, rows, schema=MANIFEST_SCHEMA)


def read_manifest(path: Path, *, remedy: str) -> pd.DataFrame:
    """Read a manifest; unknown covariates are NaN.

    Raises
    ------
    DataError
        If it is missing or damaged, followed by the `remedy`.
    """
    return cast("pd.DataFrame", read_table(path, schema=MANIFEST_SCHEMA, remedy=remedy).to_pandas())


def manifest_text(manifest: pd.DataFrame) -> bytes:
    """Return the manifest as text for a checksum: parquet bytes change with their library."""
    return manifest.to_csv(index=False, lineterminator="\n").encode()


def describe_orientation(plane: Plane, display: str) -> str:
    """Say what lies at the top and at the left of a picture that was cut from a volume."""
    top = "anterior" if plane == "axial" else "superior"
    left = {
        "sagittal": "anterior",
        "radiological": "the patient's right side",
        "neurological": "the patient's left side",
    }["sagittal" if plane == "sagittal" else display]
    return f"{plane}, {display}: row 0 is {top}, column 0 is {left}"


def describe_manifest(manifest: pd.DataFrame) -> dict[str, Any]:
    """Count slices, scans and subjects, and give the ranges of the geometry and the ages."""
    parts = {split: manifest[manifest["split"] == split] for split in SPLITS}
    return {
        "slices": len(manifest),
        "scans": len(_scans(manifest)),
        "subjects": int(manifest["subject"].nunique()),
        "splits": {
            split: {"slices": len(part), "subjects": int(part["subject"].nunique())}
            for split, part in parts.items()
        },
        "modalities": _counts(manifest["modality"]),
        "planes": _counts(manifest["plane"]),
        "pixel_height_mm": _range(manifest["pixel_height_mm"]),
        "pixel_width_mm": _range(manifest["pixel_width_mm"]),
        "spacing_mm": _range(manifest["spacing_mm"]),
        "position_mm": _range(manifest["position_mm"]),
        "foreground_fraction": _range(manifest["foreground_fraction"]),
        "brain_fraction": _range(manifest["brain_fraction"]),
        "label_fraction": _range(manifest["label_fraction"]),
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
