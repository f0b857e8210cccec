"""How the pictures of each scan lie in the scanner: a row per scan, for the way back to NIfTI."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa

from mrigen.data.records import ScanSlices
from mrigen.data.tables import read_table, write_table
from mrigen.errors import DataError

GRIDS_SCHEMA = pa.schema(
    [
        ("subject", pa.string()),
        ("path", pa.string()),
        ("channel", pa.int64()),
        ("modality", pa.string()),
        ("affine", pa.list_(pa.float64())),
        ("black", pa.float64()),
        ("white", pa.float64()),
    ]
)


def grid_row(scan: ScanSlices) -> dict[str, object] | None:
    """Return the row of a scan; None for pictures, which lie nowhere."""
    if scan.grid is None or not scan.records:
        return None
    record = scan.records[0]
    return {
        "subject": record.subject,
        "path": record.path,
        "channel": record.channel,
        "modality": record.modality,
        "affine": [float(value) for row in scan.grid.affine for value in row],
        "black": scan.grid.black,
        "white": scan.grid.white,
    }


def write_grids(path: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write the rows as a new parquet file."""
    write_table(path, rows, schema=GRIDS_SCHEMA)


def read_grids(path: Path, *, remedy: str) -> pd.DataFrame:
    """Read the rows; `affine` holds arrays of 16 floats, row by row.

    Raises
    ------
    DataError
        If the file is missing or damaged, or an affine is no 16 numbers; followed by the `remedy`.
    """
    table = read_table(path, schema=GRIDS_SCHEMA, remedy=remedy)
    affines = table["affine"].to_pylist()
    if not all(affine and len(affine) == 16 and np.isfinite(affine).all() for affine in affines):
        raise DataError(f"'{path}' has an affine that is not 16 finite numbers: {remedy}.")
    return cast("pd.DataFrame", table.to_pandas())


def grids_text(grids: pd.DataFrame) -> bytes:
    """Return the rows as text for a checksum: parquet bytes change with their library."""
    columns = {
        name: [value.tolist() if name == "affine" else value for value in grids[name]]
        for name in GRIDS_SCHEMA.names
    }
    return json.dumps(columns).encode()
