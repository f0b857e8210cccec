"""Parquet tables of records; the same rows give the same bytes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mrigen.errors import DataError


def write_table(path: Path, rows: Sequence[Mapping[str, object]], *, schema: pa.Schema) -> None:
    """Write rows to a new file with fixed types and settings."""
    table = pa.Table.from_pylist(list(rows), schema=schema)
    pq.write_table(table, path, compression="zstd", version="2.6")


def read_table(path: Path, *, schema: pa.Schema, remedy: str) -> pa.Table:
    """Read a table that `write_table` wrote.

    Parameters
    ----------
    path
        The file.
    schema
        The columns it must have.
    remedy
        What to do when it is missing or damaged, for the error.

    Raises
    ------
    DataError
        If the file is missing, damaged or has other columns.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise DataError(f"'{path}' does not exist: {remedy}.") from None
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"'{path}' is not a readable table ({error}): {remedy}.") from None
    if not table.schema.equals(schema):
        raise DataError(
            f"'{path}' has the columns {', '.join(table.schema.names)}: expected "
            f"{', '.join(schema.names)} with their types. To mend it, {remedy}."
        )
    return table
