"""Masks of the brain: by a network, from a file, from a label map; computed once and kept."""

from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from mrigen.config import Config
from mrigen.data.masks.brain_network import find_brain, network_version
from mrigen.data.masks.cache import kept_mask
from mrigen.data.scans import Scan
from mrigen.data.volumes.reading import Mask, Volume, read_labels
from mrigen.errors import DataError


class BrainMaskConfig(Config):
    """Where the mask of a scan comes from.

    Attributes
    ----------
    by
        "deepbet": a network for T1 images of whole heads, doi:10.1016/j.compbiomed.2024.108845; a
        mask file that the source names for the scan wins over it. "file": that mask file alone.
        "labels": the scan's label map. "nonzero": every voxel that is not 0, for volumes that come
        skull-stripped.
    labels
        With a label map or a mask file: which labels are brain; None takes all but 0.
    grow
        Voxels by which the mask is grown, or shrunk where negative.
    """

    by: Literal["deepbet", "file", "labels", "nonzero"] = "deepbet"
    labels: tuple[int, ...] | None = Field(default=None, min_length=1)
    grow: int = Field(default=0, ge=-10, le=10)


def brain_mask(
    volume: Volume,
    scan: Scan,
    config: BrainMaskConfig,
    *,
    root: Path,
    cache: Path,
    max_voxels: int = 2**28,
) -> Mask:
    """Find which voxels of a volume are brain.

    Masks of the network are kept in `cache` under a hash of the stored voxels, the grid, the
    scaling and the network's version, and found there the next time.

    Parameters
    ----------
    volume
        The image, in RAS+.
    scan
        Its files.
    config
        Where the mask comes from.
    root
        The project's folder, to which the scan's files are relative.
    cache
        Folder of the masks that are kept.
    max_voxels
        The most voxels that a mask file may declare.

    Returns
    -------
    (X, Y, Z) bool
        On the volume's grid, with at least one voxel in it.

    Raises
    ------
    DataError
        If the scan has no file of the kind that is asked for, the file cannot be used or lies on
        another grid, the network finds no brain, or the mask is empty.
    """
    name = Path(scan.path).name
    path = _mask_file(scan, config)
    if path is not None:
        labels = read_labels(root / path, volume, max_voxels=max_voxels)
        mask = labels != 0 if config.labels is None else np.isin(labels, config.labels)
    elif config.by == "nonzero":
        mask = volume.array != 0
    else:
        key = sha256(f"{volume.digest} {network_version()}".encode()).hexdigest()
        mask = kept_mask(
            cache, key, volume.stored.shape, compute=lambda: find_brain(volume.array, name=name)
        )
    if config.grow:
        mask = _grow(mask, config.grow)
    if not mask.any():
        file = f" in '{path}'" if path else ""
        raise DataError(
            f"scan '{name}' has an empty brain mask{file}: expected some voxels inside. Correct "
            "the mask, or the dataset's brain_mask."
        )
    return mask


def _mask_file(scan: Scan, config: BrainMaskConfig) -> str | None:
    wanted = {
        "deepbet": scan.mask_path,
        "file": scan.mask_path,
        "labels": scan.label_path,
        "nonzero": None,
    }[config.by]
    if wanted is None and config.by in {"file", "labels"}:
        what = "mask file" if config.by == "file" else "label map"
        raise DataError(
            f"scan '{Path(scan.path).name}' has no {what}: expected one, as the dataset's "
            f"brain_mask.by is '{config.by}'. Put it where the source names it, or set 'deepbet'."
        )
    return wanted


def _grow(mask: Mask, voxels: int) -> Mask:
    from scipy import ndimage

    if voxels > 0:
        return np.asarray(ndimage.binary_dilation(mask, iterations=voxels), np.bool_)
    # The edge of the volume is no edge of the brain: nothing is taken off there.
    return np.asarray(ndimage.binary_erosion(mask, iterations=-voxels, border_value=1), np.bool_)
