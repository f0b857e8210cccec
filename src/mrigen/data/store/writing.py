"""Writes a slice store: shards as the scans come, then the tables and the summary."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from mrigen.atomic import atomic_folder
from mrigen.data.records import ScanSlices, SliceRecord
from mrigen.data.scans import LeftOut
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.splits.leaking import deal_slices
from mrigen.data.store.copies import Copies
from mrigen.data.store.grids import grid_row, read_grids, write_grids
from mrigen.data.store.manifest import (
    choose_sheet,
    describe_manifest,
    describe_orientation,
    read_manifest,
    write_manifest,
)
from mrigen.data.store.shards import ShardWriter, slices_per_shard
from mrigen.data.store.slice_store import (
    CONTACT_SHEET,
    GRIDS,
    MANIFEST,
    SUMMARY,
    SliceStore,
    file_digest,
    fingerprint_of,
    remedy_for,
)
from mrigen.errors import DataError
from mrigen.images import contact_sheet, from_integers, write_png


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
        dealt = deal_slices(self.records, self._config.split)
        rows = [
            vars(record) | {"split": split}
            for record, split in zip(self.records, dealt.splits, strict=True)
        ]
        write_manifest(self._folder / MANIFEST, rows)
        write_grids(self._folder / GRIDS, self._grids)
        remedy = remedy_for(self._folder)
        manifest = read_manifest(self._folder / MANIFEST, remedy=remedy)
        grids = read_grids(self._folder / GRIDS, remedy=remedy)
        config = self._config
        return {
            "bits": config.bits,
            "size": config.size,
            "shards": self._pixels.names,
            "label_shards": names,
            "fingerprint": fingerprint_of(self._pixels.digest, labels, manifest, grids),
            "sha256": {name: file_digest(self._folder / name) for name in (MANIFEST, GRIDS)},
            "leaking": config.split.leaking,
            "warnings": dealt.warnings,
            "strata": dealt.strata,
            "config": config.model_dump(mode="json"),
            "notes": [*dealt.notes, *self._notes],
            "orientation": (
                describe_orientation(config.plane, config.geometry.display)
                if self._grids
                else "as the picture files show it"
            ),
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
