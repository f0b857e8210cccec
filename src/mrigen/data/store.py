"""The slice store: `.npy` shards of pixels, a manifest with a row per slice, and a summary."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ValidationError

from mrigen.atomic import atomic_folder
from mrigen.data.copies import Copies
from mrigen.data.dataset import DatasetConfig
from mrigen.data.grids import grid_row, grids_text, read_grids, write_grids
from mrigen.data.manifest import (
    choose_sheet,
    describe_manifest,
    describe_orientation,
    manifest_text,
    read_manifest,
    write_manifest,
)
from mrigen.data.records import Pixels, ScanSlices, SliceRecord
from mrigen.data.scans import LeftOut
from mrigen.data.shards import Shards, ShardWriter, slices_per_shard
from mrigen.data.splits import assign_splits, check_disjoint
from mrigen.errors import DataError
from mrigen.images import contact_sheet, from_integers, write_png

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

MANIFEST, GRIDS, SUMMARY = "manifest.parquet", "grids.parquet", "summary.json"
CONTACT_SHEET = "contact_sheet.png"


class _Summary(BaseModel):
    """The part of `summary.json` that a reader of the pixels needs."""

    size: int
    bits: Literal[8, 16]
    shards: list[str]
    label_shards: list[str]
    fingerprint: str
    sha256: dict[str, str]
    leaking: str | None
    warnings: tuple[str, ...]


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
        remedy = _remedy(path)
        self.manifest = read_manifest(path / MANIFEST, remedy=remedy)
        self.grids = read_grids(path / GRIDS, remedy=remedy)
        check_disjoint(self.manifest)
        # A subject moved from test to train would keep the fingerprint, which nobody computes anew.
        for name, expected in summary.sha256.items():
            if _digest(path / name) != expected:
                raise DataError(
                    f"the table '{name}' of slice store '{path.name}' was changed after it was "
                    f"made: {remedy}."
                )
        self._pixels = self._open(summary.shards, summary.bits)
        self._labels = self._open(summary.label_shards, 8) if summary.label_shards else None

    def _open(self, names: Sequence[str], bits: Literal[8, 16]) -> Shards:
        paths, remedy = [self.path / name for name in names], _remedy(self.path)
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
                f"{_remedy(self.path)}."
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
        if _fingerprint(digest, labels, self.manifest, self.grids) != self.fingerprint:
            raise DataError(
                f"slice store '{self.path.name}' was changed after it was made: "
                f"{_remedy(self.path)}."
            )


def write_store(
    path: Path,
    scans: Iterable[ScanSlices],
    *,
    config: DatasetConfig,
    left_out: list[LeftOut] | None = None,
) -> SliceStore:
    """Write a slice store whole, or leave what stood at `path` as it was.

    Scans whose pictures have come before are left out: under another subject's name they would
    be trained on and tested on.

    Parameters
    ----------
    path
        The store's folder.
    scans
        Slices and records, read once and in this order; memory holds one shard at a time.
    config
        Size, bits, labels and splits; the rest goes into the summary.
    left_out
        Told in the summary; looked at after `scans` has ended, so it may grow meanwhile. What is
        left out here is added to it.

    Raises
    ------
    DataError
        If there are no slices, or too few subjects for the splits.
    """
    left_out = [] if left_out is None else left_out
    with atomic_folder(path) as folder:
        content = _Content(folder, config)
        for scan in scans:
            content.add(scan, left_out)
        if not content.records:
            raise DataError(_nothing_left(path, left_out))
        summary = content.finish()
        summary["left_out"] = [asdict(entry) for entry in left_out]
        text = json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
        # Opening it checks what was written.
        store = SliceStore(folder)
        rows_shown, columns = choose_sheet(store.manifest)
        pictures = from_integers(store.read(rows_shown))[:, None]
        write_png(folder / CONTACT_SHEET, contact_sheet(pictures, columns=columns))
    return SliceStore(path)


class _Content:
    """Takes scans one by one and writes the shards, then the tables."""

    def __init__(self, folder: Path, config: DatasetConfig) -> None:
        self._folder, self._config = folder, config
        pixel_bytes = config.size**2 * config.bits // 8
        slices = slices_per_shard(pixel_bytes)
        self._pixels = ShardWriter(folder, "slices", slices=slices)
        self._labels = ShardWriter(folder, "labels", slices=slices) if config.labels else None
        self._copies = Copies()
        self.records: list[SliceRecord] = []
        self._grids: list[dict[str, object]] = []
        self._notes: list[str] = []

    def add(self, scan: ScanSlices, left_out: list[LeftOut]) -> None:
        unusable = _without_labels(scan) if self._labels else None
        unusable = unusable or self._copies.find(scan)
        if unusable is not None:
            left_out.append(unusable)
            return
        self._pixels.add(scan.pixels)
        if self._labels is not None and scan.labels is not None:
            self._labels.add(scan.labels)
        self.records += scan.records
        self._notes += scan.notes
        row = grid_row(scan)
        if row is not None:
            self._grids.append(row)

    def finish(self) -> dict[str, Any]:
        """Write what is left; return the summary."""
        self._pixels.close()
        labels, names = b"", []
        if self._labels is not None:
            self._labels.close()
            labels, names = self._labels.digest.digest(), self._labels.names
        splits = assign_splits((record.subject for record in self.records), self._config.split)
        rows = [vars(record) | {"split": splits[record.subject]} for record in self.records]
        write_manifest(self._folder / MANIFEST, rows)
        write_grids(self._folder / GRIDS, self._grids)
        remedy = _remedy(self._folder)
        manifest = read_manifest(self._folder / MANIFEST, remedy=remedy)
        grids = read_grids(self._folder / GRIDS, remedy=remedy)
        config = self._config
        return {
            "bits": config.bits,
            "size": config.size,
            "shards": self._pixels.names,
            "label_shards": names,
            "fingerprint": _fingerprint(self._pixels.digest, labels, manifest, grids),
            "sha256": {name: _digest(self._folder / name) for name in (MANIFEST, GRIDS)},
            "leaking": config.split.leaking,
            "warnings": [],
            "config": config.model_dump(mode="json"),
            "notes": self._notes,
            "orientation": describe_orientation(config.plane, config.geometry.display),
            **describe_manifest(manifest),
        }


def _without_labels(scan: ScanSlices) -> LeftOut | None:
    if scan.labels is not None or not scan.records:
        return None
    path = scan.records[0].path
    return LeftOut(
        path,
        f"scan '{PurePosixPath(path).name}' has no label map: expected one, as the dataset keeps "
        "labels. Add it, or set 'labels: false'.",
    )


def _nothing_left(path: Path, left_out: Sequence[LeftOut]) -> str:
    why = f"all {len(left_out)} files were left out, the first because " if left_out else ""
    reason = left_out[0].reason if left_out else "there are no scans to cut."
    return f"dataset '{path.name}' has no slices: {why}{reason}"


def _read_summary(path: Path) -> _Summary:
    try:
        return _Summary.model_validate_json((path / SUMMARY).read_bytes())
    except FileNotFoundError:
        raise DataError(f"'{path}' is not a slice store: {_remedy(path)}.") from None
    except (OSError, ValidationError):
        raise DataError(f"'{path / SUMMARY}' is damaged: {_remedy(path)}.") from None


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _fingerprint(pixels: "Hash", labels: bytes, manifest: pd.DataFrame, grids: pd.DataFrame) -> str:
    for part in (labels, manifest_text(manifest), grids_text(grids)):
        pixels.update(part)
    return pixels.hexdigest()


def _remedy(path: Path) -> str:
    return f"run 'mrigen slices {path.name}'"
