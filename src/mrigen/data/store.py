"""The slice store: `.npy` shards of pixels, a manifest with a row per slice, and a summary.

Pictures are in radiological display order: row 0 is anterior, column 0 the patient's right side.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from mrigen.atomic import atomic_folder
from mrigen.data.dataset import DatasetConfig
from mrigen.data.manifest import (
    choose_sheet,
    describe_manifest,
    manifest_text,
    read_manifest,
    write_manifest,
)
from mrigen.data.records import Pixels, ScanSlices, SliceRecord
from mrigen.data.scans import LeftOut
from mrigen.data.shards import open_shard, write_shards
from mrigen.data.splits import assign_splits, check_disjoint
from mrigen.errors import DataError
from mrigen.images import contact_sheet, from_integers, write_png

MANIFEST, SUMMARY, CONTACT_SHEET = "manifest.parquet", "summary.json", "contact_sheet.png"


class _Summary(BaseModel):
    """The part of `summary.json` that a reader of the pixels needs."""

    size: int
    bits: Literal[8, 16]
    shards: list[str]
    fingerprint: str
    manifest_sha256: str


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
        and `split`. Unknown covariates are NaN.
    size
        Pixels along each side of a slice.
    bits
        8 or 16, of a pixel.
    fingerprint
        SHA-256 of the pixels and the manifest, in hexadecimal: which data this is.

    Raises
    ------
    DataError
        If a file is missing or damaged, shapes or counts disagree, a subject is in two splits, or
        the manifest was changed. Changed pixels are found by `verify` alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        summary = _read_summary(path)
        self.size, self.bits, self.fingerprint = summary.size, summary.bits, summary.fingerprint
        self.manifest = read_manifest(path / MANIFEST, remedy=_remedy(path))
        check_disjoint(self.manifest)
        self._check_manifest(summary.manifest_sha256)
        self._shards = [
            open_shard(path / name, size=self.size, bits=self.bits, remedy=_remedy(path))
            for name in summary.shards
        ]
        self._starts = np.cumsum([0, *(len(shard) for shard in self._shards)])
        if self._starts[-1] != len(self.manifest):
            raise DataError(
                f"slice store '{path.name}' has {self._starts[-1]} slices and a manifest of "
                f"{len(self.manifest)} rows: {_remedy(path)}."
            )

    def __len__(self) -> int:
        return len(self.manifest)

    def __reduce__(self) -> tuple[type["SliceStore"], tuple[Path]]:
        # A memory map sent to another process would travel as all its pixels.
        return SliceStore, (self.path,)

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
        rows = np.asarray(positions, np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of a store of {len(self)} slices")
        pixels = np.empty((len(rows), self.size, self.size), f"uint{self.bits}")
        # In the order they lie on disk.
        order = np.argsort(rows, kind="stable")
        borders = np.searchsorted(rows[order], self._starts)
        for shard, start, first, last in zip(
            self._shards, self._starts[:-1], borders[:-1], borders[1:], strict=True
        ):
            places = order[first:last]
            pixels[places] = shard[rows[places] - start]
        return cast("Pixels", pixels)

    def _check_manifest(self, expected: str) -> None:
        # A subject moved from test to train would keep the fingerprint, which nobody computes anew.
        if _manifest_digest(self.path) != expected:
            raise DataError(
                f"the manifest of slice store '{self.path.name}' was changed after it was made: "
                f"{_remedy(self.path)}."
            )

    def verify(self) -> None:
        """Read every pixel and compare with the fingerprint.

        Raises
        ------
        DataError
            If a pixel or a row of the manifest was changed.
        """
        digest = sha256()
        for shard in self._shards:
            digest.update(shard.tobytes())
        digest.update(manifest_text(self.manifest))
        if digest.hexdigest() != self.fingerprint:
            raise DataError(
                f"slice store '{self.path.name}' was changed after it was made: "
                f"{_remedy(self.path)}."
            )


def write_store(
    path: Path,
    scans: Iterable[ScanSlices],
    *,
    config: DatasetConfig,
    left_out: Sequence[LeftOut] = (),
) -> SliceStore:
    """Write a slice store whole, or leave what stood at `path` as it was.

    Parameters
    ----------
    path
        The store's folder.
    scans
        Slices and records, read once and in this order; memory holds one shard at a time.
    config
        Size, bits and splits; the rest goes into the summary.
    left_out
        Told in the summary; looked at after `scans` has ended, so it may grow meanwhile.

    Raises
    ------
    DataError
        If there are no slices, or too few subjects for the splits.
    """
    with atomic_folder(path) as folder:
        records: list[SliceRecord] = []
        notes: list[str] = []
        shards, digest = write_shards(folder, _collect(scans, records, notes))
        if not records:
            raise DataError(_nothing_left(path, left_out))
        splits = assign_splits((record.subject for record in records), config.split)
        rows = [{**asdict(record), "split": splits[record.subject]} for record in records]
        write_manifest(folder / MANIFEST, rows)
        manifest = read_manifest(folder / MANIFEST, remedy=_remedy(path))
        digest.update(manifest_text(manifest))
        summary = {
            "bits": config.bits,
            "fingerprint": digest.hexdigest(),
            "manifest_sha256": _manifest_digest(folder),
            "shards": shards,
            "size": config.size,
            "config": config.model_dump(mode="json"),
            "left_out": [asdict(entry) for entry in left_out],
            "notes": notes,
            **describe_manifest(manifest),
        }
        text = json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False)
        (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
        # Opening it checks what was written.
        store = SliceStore(folder)
        rows_shown, columns = choose_sheet(manifest)
        pictures = from_integers(store.read(rows_shown))[:, None]
        write_png(folder / CONTACT_SHEET, contact_sheet(pictures, columns=columns))
    return SliceStore(path)


def _collect(
    scans: Iterable[ScanSlices], records: list[SliceRecord], notes: list[str]
) -> Iterator[Pixels]:
    for scan in scans:
        records += scan.records
        notes += scan.notes
        yield scan.pixels


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


def _manifest_digest(folder: Path) -> str:
    return sha256((folder / MANIFEST).read_bytes()).hexdigest()


def _remedy(path: Path) -> str:
    return f"run 'mrigen slices {path.name}'"
