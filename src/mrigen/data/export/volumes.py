"""A slice store as NIfTI volumes that lie over their sources in a viewer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pandas as pd
from isal import igzip

from mrigen.data.export.folder import MANIFEST, export_folder
from mrigen.data.export.names import LABEL, StoredScan, stored_scans
from mrigen.data.records import Pixels
from mrigen.data.store.slice_store import SliceStore
from mrigen.errors import DataError

Affine = npt.NDArray[np.float64]

# NIfTI's numbers for "scanner coordinates" and "millimetres".
_SCANNER, _MM = 1, 2


@dataclass(frozen=True)
class _Stack:
    """Which slices a volume has: every `step`-th from `first` to `last`, some of them absent."""

    first: int
    last: int
    step: int
    absent: int

    @property
    def count(self) -> int:
        return (self.last - self.first) // self.step + 1

    def places(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return (indices - self.first) // self.step

    def affine(self, affine: Affine) -> Affine:
        """Turn (column, row, slice number) into (column, row, place in the stack)."""
        to_slice = np.eye(4)
        to_slice[2, 2], to_slice[2, 3] = self.step, self.first
        return affine @ to_slice


def export_volumes(
    store: SliceStore,
    path: Path,
    *,
    report: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005 - shows nothing
) -> list[str]:
    """Write every scan as `<subject>/<scan>.nii.gz`, and `manifest.csv` with a row for each.

    The array is (columns, rows, slices) with the store's own pixels. Slope and intercept of the
    header turn them back into the scanner's intensities where a whole volume or the cohort was
    scaled at once. Slices that the dataset left out between others are 0. Label maps, where the
    store keeps them, are `<scan>_label.nii.gz` beside it.

    Parameters
    ----------
    store
        Cut from volumes.
    path
        The folder; absent, empty or an earlier export.
    report
        Called with the scans so far and in all.

    Returns
    -------
    What is worth knowing of the volumes.

    Raises
    ------
    DataError
        If the folder is in use, or a scan of the store was a folder of pictures, which lie nowhere.
    """
    grids = {_key(row): row for row in store.grids.to_dict("records")}
    scans = stored_scans(store.manifest)
    rows: list[dict[str, object]] = []
    with export_folder(path, store) as folder:
        for scan in scans:
            first = store.manifest.iloc[scan.rows[0]].to_dict()
            grid = grids.get(_key(first))
            if grid is None:
                raise DataError(
                    f"'{first['path']}' of dataset '{store.path.name}' was a picture, which lies "
                    "nowhere in a scanner: expected slices of a volume. Export it with --to "
                    "pictures."
                )
            (folder / scan.subject).mkdir(exist_ok=True)
            rows.append(_write_scan(store, scan, grid, folder))
            report(len(rows), len(scans))
        pd.DataFrame(rows).to_csv(folder / MANIFEST, index=False, lineterminator="\n")
    absent = [row for row in rows if row["absent"]]
    if not absent:
        return []
    return [
        f"{len(absent)} of {len(rows)} volumes have slices of zeros where the dataset left some "
        f"out between others; the first is '{absent[0]['file']}'"
    ]


def _key(row: dict[Any, Any]) -> tuple[str, str, int]:
    channel = row["channel"]
    return row["subject"], row["path"], -1 if pd.isna(channel) else int(channel)


def _write_scan(
    store: SliceStore, scan: StoredScan, grid: dict[Any, Any], folder: Path
) -> dict[str, object]:
    part = store.manifest.iloc[scan.rows]
    indices = part["index"].to_numpy(np.int64)
    stack = _stack(indices)
    affine = stack.affine(np.asarray(grid["affine"], np.float64).reshape(4, 4))
    places = stack.places(indices)
    name = f"{scan.subject}/{scan.name}.nii.gz"
    pixels = _pile(store.read(scan.rows), places, stack.count)
    _write(folder / name, pixels, affine, levels=(grid["black"], grid["white"]))
    label_name = None
    if store.has_labels:
        label_name = f"{scan.subject}/{scan.name}{LABEL}.nii.gz"
        labels = _pile(store.read_labels(scan.rows), places, stack.count)
        _write(folder / label_name, labels, affine)
    return {
        "file": name,
        "label_file": label_name,
        **{column: part[column].iloc[0] for column in ("subject", "modality", "path", "channel")},
        "splits": "+".join(sorted(part["split"].unique())),
        "slices": len(part),
        "first": stack.first,
        "last": stack.last,
        "step": stack.step,
        "absent": stack.absent,
        "black": grid["black"],
        "white": grid["white"],
    }


def _stack(indices: npt.NDArray[np.int64]) -> _Stack:
    step = int(np.gcd.reduce(np.diff(indices))) if len(indices) > 1 else 1
    first, last = int(indices[0]), int(indices[-1])
    return _Stack(first, last, step, (last - first) // step + 1 - len(indices))


def _pile(pictures: Pixels, places: npt.NDArray[np.int64], count: int) -> Pixels:
    # (N, rows, columns) to (columns, rows, count).
    pile = np.zeros((count, *pictures.shape[1:]), pictures.dtype)
    pile[places] = pictures
    return pile.transpose(2, 1, 0)


def _write(
    path: Path,
    array: Pixels,
    affine: Affine,
    *,
    levels: tuple[float, float] | None = None,
) -> None:
    image = nib.Nifti1Image(array, affine, dtype=array.dtype)
    image.set_sform(affine, code=_SCANNER)
    # A sheared grid has no quaternion: some viewers would believe the wrong one.
    image.set_qform(affine, code=_SCANNER)
    if not np.allclose(image.get_qform(), affine, atol=1e-3):
        image.set_qform(None, code=0)
    image.header["xyzt_units"] = _MM
    image.header["descrip"] = b"slices by mrigen"
    if levels is not None and not np.isnan(levels).any():
        black, white = levels
        image.header.set_slope_inter((white - black) / np.iinfo(array.dtype).max, black)
    # No time and no name inside: the same volume is the same file.
    path.write_bytes(igzip.compress(image.to_bytes(), mtime=0))
