"""The index of scans: one row per 3-D image of one person."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import pyarrow as pa

from mrigen.data.tables import read_table, write_table
from mrigen.errors import printable

Sex = Literal["m", "f"]
Modality = Literal["T1w", "FLAIR", "T1Gd", "T2w", "PDw"]


@dataclass(frozen=True)
class Scan:
    """One 3-D image of one person: a file, or one channel of a 4-D file.

    Attributes
    ----------
    path
        The file, relative to the project, with forward slashes.
    source
        Key of the source in `params.yaml`.
    subject
        Who it is, unique over all sources: `<source>/<name>`.
    modality
        "T1w", "FLAIR", "T1Gd", "T2w" or "PDw".
    channel
        Place on the fourth axis; None for a 3-D file.
    label_path
        Label map on the same grid, or None.
    mask_path
        Brain mask, or label map of the brain, on the same grid; or None.
    plane, index
        Of a picture, which is one slice: direction of the cut and slice number. None for volumes.
    split
        "train", "validation" or "test" where the cohort says so itself; None elsewhere.
    age
        In years; None is unknown, here and below.
    sex
        "m" or "f".
    ethnicity
        In the words of the cohort's own key.
    site
        The hospital or scanner.
    """

    path: str
    source: str
    subject: str
    modality: Modality
    channel: int | None = None
    label_path: str | None = None
    mask_path: str | None = None
    plane: str | None = None
    index: int | None = None
    split: str | None = None
    age: float | None = None
    sex: Sex | None = None
    ethnicity: str | None = None
    site: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used, and why: what, the value, and what to do.

    What cannot be printed or written as UTF-8 is escaped: names come from disks and downloads.
    """

    path: str
    reason: str

    def __post_init__(self) -> None:
        for name in ("path", "reason"):
            object.__setattr__(self, name, printable(getattr(self, name)))


_NUMBERS = {"channel": pa.int64(), "index": pa.int64(), "age": pa.float64()}
SCANS_SCHEMA = pa.schema(
    [(field.name, _NUMBERS.get(field.name, pa.string())) for field in fields(Scan)]
)


def scan_order(scan: Scan) -> tuple[str, int, str, int]:
    """Return the sorting key of scans: subject, slice number of a picture, file, channel."""
    return scan.subject, scan.index or 0, scan.path, scan.channel or 0


def write_scans(path: Path, scans: Iterable[Scan]) -> None:
    """Write the index of scans as a new parquet file."""
    write_table(path, [asdict(scan) for scan in scans], schema=SCANS_SCHEMA)


def read_scans(path: Path) -> list[Scan]:
    """Read the index of scans.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    table = read_table(path, schema=SCANS_SCHEMA, remedy="run 'mrigen index'")
    return [Scan(**row) for row in table.to_pylist()]
