"""Brain masks of the three states of a volume, and how well they agree."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mrigen.data.masks.brain_mask import BrainMaskConfig, brain_mask
from mrigen.data.masks.brain_network import find_brain, network_version
from mrigen.data.masks.cache import kept_mask
from mrigen.data.volumes.volume import FloatArray, Mask
from mrigen.errors import DataError
from mrigen.evaluation.brain_masks.volumes import RestoredVolume
from mrigen.evaluation.case import RawData

# In a whole head, the brain is a third of what is not black at most.
_STRIPPED = 0.8


class BrainMasks(NamedTuple):
    """Masks, each (X, Y, Z) bool; none is empty but where no brain was found.

    Attributes
    ----------
    clean, damaged, restored
        Of the states of the volume.
    reference
        The cohort's own; None where it has none.
    """

    clean: Mask
    damaged: Mask
    restored: Mask
    reference: Mask | None


def find_masks(volume: RestoredVolume, raw: RawData, cache: Path) -> BrainMasks:
    """Look for the brain in all three states.

    Masks of the clean and the damaged volume, which other models meet, too, are kept in `cache`
    under a hash of their voxels.

    Raises
    ------
    DataError
        If the clean volume shows no brain, or nothing else: its skull was stripped.
    """
    name = Path(volume.scan.path).name

    def of(array: FloatArray) -> Callable[[], Mask]:
        return lambda: find_brain(array, name=name)

    clean = _kept(cache, volume.clean, of(volume.clean))
    _require_head(clean, volume.whole.volume.array, name)
    return BrainMasks(
        clean,
        _kept(cache, volume.damaged, _or_none(of(volume.damaged), clean)),
        _or_none(of(volume.restored), clean)(),
        _reference(volume, raw),
    )


def dice(first: Mask, second: Mask) -> float:
    """Return twice the common voxels over all voxels of both masks; one may be empty.

    References
    ----------
    Dice 1945, doi:10.2307/1932409.
    """
    return float(2 * np.count_nonzero(first & second) / (first.sum() + second.sum()))


def _kept(cache: Path, array: FloatArray, compute: Callable[[], Mask]) -> Mask:
    key = sha256(f"{network_version()} {array.shape}".encode())
    key.update(np.ascontiguousarray(array, "<f4").data)
    return kept_mask(cache, key.hexdigest(), array.shape, compute=compute)


def _or_none(compute: Callable[[], Mask], like: Mask) -> Callable[[], Mask]:
    def found() -> Mask:
        try:
            return compute()
        except DataError:
            # What a pipeline cannot work with is the worst mask, not a missing number.
            return np.zeros_like(like)

    return found


def _require_head(mask: Mask, array: FloatArray, name: str) -> None:
    seen = np.count_nonzero(array)
    if np.count_nonzero(mask & (array != 0)) > _STRIPPED * seen:
        raise DataError(
            f"scan '{name}' shows a brain and nothing around it: expected a whole head, as there "
            "is nothing to look for in a volume without a skull."
        )


def _reference(volume: RestoredVolume, raw: RawData) -> Mask | None:
    settings, scan = raw.dataset.brain_mask, volume.scan
    labels = None if settings is None else settings.labels
    if scan.mask_path is not None:
        config = BrainMaskConfig(by="file", labels=labels)
    elif settings is not None and settings.by == "labels" and scan.label_path is not None:
        config = BrainMaskConfig(by="labels", labels=labels)
    else:
        return None
    cache = raw.root / "masks"
    return brain_mask(
        *(volume.whole.volume, scan, config), root=raw.root, cache=cache, max_voxels=raw.max_voxels
    )
