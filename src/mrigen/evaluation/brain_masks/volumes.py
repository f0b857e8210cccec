"""A test subject's whole volume, damaged and restored slice by slice."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mrigen.data.corruptions.batches import Item, corrupt, draw
from mrigen.data.corruptions.recipe import Recipe
from mrigen.data.loader import TEST
from mrigen.data.scans import Scan, read_scans
from mrigen.data.slicing.whole_context import stored_cohort
from mrigen.data.slicing.whole_volume import WholeVolume, read_whole
from mrigen.data.volumes.volume import FloatArray
from mrigen.errors import DataError
from mrigen.evaluation.case import BATCH, Case, RawData, spread_over
from mrigen.images import from_integers

#: What deepbet has learned from.
MODALITY = "T1w"


@dataclass(frozen=True, eq=False)
class RestoredVolume:
    """One volume in three states, each (X, Y, Z) float32 in [0, 1] and RAS+.

    All three have gone through the same pictures and back.

    Attributes
    ----------
    scan
        Whose it is.
    whole
        The volume and its slices.
    clean, damaged, restored
    """

    scan: Scan
    whole: WholeVolume
    clean: FloatArray
    damaged: FloatArray
    restored: FloatArray


def chosen_scans(case: Case, raw: RawData, count: int) -> list[Scan]:
    """Return the first T1 scan of some test subjects, at even distances over all of them.

    What the index knows of a scan beyond the manifest, such as its mask, comes with it.
    """
    manifest = case.store.manifest
    rows = manifest[(manifest["split"] == TEST) & (manifest["modality"] == MODALITY)]
    firsts = rows[rows["position_mm"].notna()].drop_duplicates("subject").sort_values("subject")
    places = spread_over(np.arange(len(firsts)), count)
    index = raw.root / "index" / "scans.parquet"
    scans = read_scans(index) if index.exists() else []
    known = {(scan.path, scan.channel): scan for scan in scans}
    return [_scan(row, known) for row in firsts.iloc[places].to_dict("records")]


def restore_volume(case: Case, raw: RawData, scan: Scan, recipe: Recipe) -> RestoredVolume:
    """Cut a whole volume, damage every slice as the model has learned it, and restore it.

    Raises
    ------
    DataError
        If the volume cannot be read, or is another one than its slices were cut from.
    """
    whole = read_whole(
        *(scan, raw.dataset),
        root=raw.root,
        max_voxels=raw.max_voxels,
        cohort=stored_cohort(case.store.grids, raw.dataset),
    )
    _require_same(case, scan, whole)
    clean = from_integers(whole.pixels)[:, None]
    damaged = _damage(clean, recipe, seed=case.seed, name=scan.path)
    restored = torch.cat([case.reconstruct(part) for part in torch.split(damaged, BATCH)])
    states = (whole.put_back(images.numpy()) for images in (clean, damaged, restored))
    return RestoredVolume(scan, whole, *states)


def _scan(row: dict[Any, Any], known: dict[tuple[str, int | None], Scan]) -> Scan:
    channel = None if np.isnan(row["channel"]) else int(row["channel"])
    found = known.get((row["path"], channel))
    return found or Scan(row["path"], row["source"], row["subject"], row["modality"], channel)


def _require_same(case: Case, scan: Scan, whole: WholeVolume) -> None:
    manifest = case.store.manifest
    rows = np.flatnonzero(
        (manifest["path"] == scan.path)
        & (
            manifest["channel"].isna()
            if scan.channel is None
            else manifest["channel"] == scan.channel
        )
    )
    places = manifest["index"].to_numpy(np.int64)[rows]
    there = places.max() < len(whole.pixels)
    if not there or not np.array_equal(whole.pixels[places], case.store.read(rows)):
        raise DataError(
            f"scan '{scan.path}' is another one than its slices were cut from: expected the same "
            f"pixels. Run 'mrigen slices {case.store.path.name}'."
        )


def _damage(clean: Tensor, recipe: Recipe, *, seed: int, name: str) -> Tensor:
    height, width = clean.shape[2:]
    items: Sequence[Item] = [
        Item(seed, f"brain masks, {name}", 0, index) for index in range(len(clean))
    ]
    parts = [
        corrupt(part, draw(recipe, items[start : start + BATCH], (height, width))).images
        for start, part in zip(range(0, len(clean), BATCH), torch.split(clean, BATCH), strict=True)
    ]
    return torch.cat(parts)
