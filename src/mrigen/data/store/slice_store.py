"""The slice store: `.npy` shards of pixels, a manifest with a row per slice, and a summary."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, Field, ValidationError, field_validator

from mrigen.data.records import Pixels
from mrigen.data.splits.config import Leak
from mrigen.data.splits.leaking import check_disjoint
from mrigen.data.store.grids import grids_text, read_grids
from mrigen.data.store.manifest import manifest_text, read_manifest
from mrigen.data.store.shards import Shards
from mrigen.errors import DataError

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

MANIFEST, GRIDS, SUMMARY = "manifest.parquet", "grids.parquet", "summary.json"
CONTACT_SHEET = "contact_sheet.png"

ShardName = Annotated[str, Field(pattern=r"^[a-z]+-[0-9]+\.npy$")]


class _Summary(BaseModel):
    """The part of `summary.json` that a reader of the pixels needs."""

    size: int
    bits: Literal[8, 16]
    shards: list[ShardName]
    label_shards: list[ShardName]
    fingerprint: str
    sha256: dict[str, str]
    leaking: Leak | None
    warnings: tuple[str, ...]

    @field_validator("sha256")
    @classmethod
    def _of_both_tables(cls, digests: dict[str, str]) -> dict[str, str]:
        # A table without one could be changed unseen.
        if set(digests) != {MANIFEST, GRIDS}:
            raise ValueError(f"checksums of {MANIFEST} and {GRIDS}")
        return digests


class SliceStore:
    """A dataset of slices on disk, opened and checked.

    Parameters
    ----------
    path
        The folder that `mrigen slices` wrote.

    Attributes
    ----------
    path
    manifest
        One row per slice, in the order of the pixels; the columns are those of `SliceRecord`
        and `split`. What is unknown is NaN.
    grids
        One row per scan that was cut from a volume: `subject`, `path`, `channel`, `modality`,
        `affine` (16 floats, row by row) and `black` and `white`, as `ScanGrid` has them.
    size
        Pixels along each side of a slice.
    bits
        8 or 16, of a pixel.
    fingerprint
        SHA-256 of the pixels, the labels and both tables, in hexadecimal: which data this is.
    leaking
        Name of the split if it is one that lets slices of one person into several splits.
    warnings
        What must be told with every number measured on this store.

    Raises
    ------
    DataError
        If a file is missing or damaged, shapes or counts disagree, a subject is in two splits and
        the split is not a leaking one, or a table was changed. Changed pixels are found by
        `verify` alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        summary = _read_summary(path)
        self.size, self.bits, self.fingerprint = summary.size, summary.bits, summary.fingerprint
        self.leaking, self.warnings = summary.leaking, summary.warnings
        remedy = remedy_for(path)
        self.manifest = read_manifest(path / MANIFEST, remedy=remedy)
        self.grids = read_grids(path / GRIDS, remedy=remedy)
        check_disjoint(self.manifest, leaking=self.leaking)
        # A subject moved from test to train would keep the fingerprint, which nobody computes anew.
        for name, expected in summary.sha256.items():
            if file_digest(path / name) != expected:
                raise DataError(
                    f"the table '{name}' of slice store '{path.name}' was changed after it was "
                    f"made: {remedy}."
                )
        self._pixels = self._open(summary.shards, summary.bits)
        self._labels = self._open(summary.label_shards, 8) if summary.label_shards else None

    def _open(self, names: Sequence[str], bits: Literal[8, 16]) -> Shards:
        paths, remedy = [self.path / name for name in names], remedy_for(self.path)
        shards = Shards(paths, size=self.size, bits=bits, remedy=remedy)
        if len(shards) != len(self.manifest):
            raise DataError(
                f"slice store '{self.path.name}' has {len(shards)} slices and "
                f"a manifest of {len(self.manifest)} rows: {remedy}."
            )
        return shards

    def __len__(self) -> int:
        return len(self.manifest)

    def __reduce__(self) -> tuple[type["SliceStore"], tuple[Path]]:
        # A memory map sent to another process would travel as all its pixels.
        return SliceStore, (self.path,)

    @property
    def has_labels(self) -> bool:
        """Whether label maps are kept beside the pixels."""
        return self._labels is not None

    @property
    def split_kind(self) -> str:
        """What is dealt out to the splits: "subjects", or "leaking: " with the study's name."""
        return "subjects" if self.leaking is None else f"leaking: {self.leaking}"

    def positions(self, split: str) -> npt.NDArray[np.int64]:
        """Return the rows of one split, ascending."""
        return np.flatnonzero((self.manifest["split"] == split).to_numpy())

    def read(self, positions: npt.ArrayLike) -> Pixels:
        """Read slices by their rows in the manifest, in any order and with repeats.

        Parameters
        ----------
        positions : (N,) int

        Returns
        -------
        (N, size, size) uint8 or uint16

        Raises
        ------
        IndexError
            If a position is negative or past the end.
        """
        return cast("Pixels", self._pixels.read(positions))

    def read_labels(self, positions: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Read the label maps of slices; parameters and errors as of `read`.

        Returns
        -------
        (N, size, size) uint8
            0 is background; the other numbers are those of the cohort's own label maps.

        Raises
        ------
        DataError
            If the store keeps no labels.
        """
        if self._labels is None:
            raise DataError(
                f"slice store '{self.path.name}' keeps no labels: expected a dataset with "
                f"'labels: true'. Set it for '{self.path.name}' in params.yaml and "
                f"{remedy_for(self.path)}."
            )
        return cast("npt.NDArray[np.uint8]", self._labels.read(positions))

    def verify(self) -> None:
        """Read every pixel and label and compare with the fingerprint.

        Raises
        ------
        DataError
            If a pixel, a label or a row of a table was changed.
        """
        labels = self._labels.digest().digest() if self._labels else b""
        digest = self._pixels.digest()
        if fingerprint_of(digest, labels, self.manifest, self.grids) != self.fingerprint:
            raise DataError(
                f"slice store '{self.path.name}' was changed after it was made: "
                f"{remedy_for(self.path)}."
            )


def _read_summary(path: Path) -> _Summary:
    try:
        return _Summary.model_validate_json((path / SUMMARY).read_bytes())
    except FileNotFoundError:
        raise DataError(f"'{path}' is not a slice store: {remedy_for(path)}.") from None
    except (OSError, ValidationError):
        raise DataError(f"'{path / SUMMARY}' is damaged: {remedy_for(path)}.") from None


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return sha256(path.read_bytes()).hexdigest()


def fingerprint_of(
    pixels: "Hash", labels: bytes, manifest: pd.DataFrame, grids: pd.DataFrame
) -> str:
    """Return a store's fingerprint from its pixels' and labels' digests and its tables."""
    for part in (labels, manifest_text(manifest), grids_text(grids)):
        pixels.update(part)
    return pixels.hexdigest()


def remedy_for(path: Path) -> str:
    """Say how a store is made anew."""
    return f"run 'mrigen slices {path.name}'"
