"""Files of a cohort to the slices of a dataset, and to what the whole cohort says."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mrigen.data.masks.brain_mask import brain_mask
from mrigen.data.pictures import read_picture
from mrigen.data.records import ScanSlices
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.slicing.cohort import CohortFacts, ScanFacts
from mrigen.data.slicing.cutting import Labels, cut_volume
from mrigen.data.slicing.dataset import DatasetConfig
from mrigen.data.slicing.picture_slices import cut_picture, describe_picture
from mrigen.data.slicing.slice_choice import describe_volume
from mrigen.data.slicing.slice_tables import read_slice_table
from mrigen.data.volumes.reading import Mask, Volume, read_channels, read_labels
from mrigen.errors import DataError

__all__ = ["cut_volume", "describe_file", "extract_file"]

_HIGHEST_LABEL = 255


def extract_file(
    scans: Sequence[Scan],
    *,
    config: DatasetConfig,
    root: Path,
    max_voxels: int,
    cohort: CohortFacts | None = None,
    masks: Path | None = None,
) -> list[ScanSlices | LeftOut]:
    """Cut the scans of one file, decompressing it once; what cannot be used says why.

    Parameters
    ----------
    scans
        One, or the channels of a 4-D file; paths are relative to `root`.
    config
        What to cut.
    root
        The project's folder.
    max_voxels
        The most voxels the file may declare.
    cohort
        Where `needs_cohort(config)`: what all scans say together.
    masks
        Folder in which brain masks are kept once they are computed; `masks` of the project if None.

    Returns
    -------
    One per scan, in their order; none for a picture that the selection does not keep.
    """
    try:
        if scans[0].plane is not None:
            picture = read_picture(root / scans[0].path, max_voxels)
            cut = cut_picture(picture.pixels, scans[0], config, cohort=cohort)
            return [] if cut is None else [cut]
        volumes = _read(scans, root, max_voxels)
    except DataError as error:
        return [LeftOut(scans[0].path, str(error))]
    outcomes: list[ScanSlices | LeftOut] = []
    for volume, scan in zip(volumes, scans, strict=True):
        try:
            found = _find_mask(volume, scan, config, root, masks, max_voxels)
            labels = _find_labels(volume, scan, root, max_voxels) if config.labels else None
            by = config.selection.table
            table = None if by is None else read_slice_table(root, by)
            outcomes.append(
                cut_volume(
                    *(volume, scan, config), cohort=cohort, mask=found, labels=labels, table=table
                )
            )
        except DataError as error:
            outcomes.append(LeftOut(scan.path, str(error)))
    return outcomes


def describe_file(
    scans: Sequence[Scan],
    *,
    config: DatasetConfig,
    root: Path,
    max_voxels: int,
    masks: Path | None = None,
) -> list[ScanFacts]:
    """Measure the scans of one file for `gather_facts`.

    The parameters are those of `extract_file`. Scans that cannot be used are passed over, as
    cutting says why.
    """
    facts: list[ScanFacts] = []
    with suppress(DataError):
        if scans[0].plane is not None:
            picture = read_picture(root / scans[0].path, max_voxels)
            return [describe_picture(picture.pixels, scans[0], config)]
        for volume, scan in zip(_read(scans, root, max_voxels), scans, strict=True):
            with suppress(DataError):
                strip = config.skull_strip
                mask = _find_mask(volume, scan, config, root, masks, max_voxels) if strip else None
                facts.append(describe_volume(volume, scan, config, mask))
    return facts


def _read(scans: Sequence[Scan], root: Path, max_voxels: int) -> list[Volume]:
    channels = [scan.channel for scan in scans]
    return read_channels(root / scans[0].path, channels, max_voxels=max_voxels)


def _find_mask(
    volume: Volume,
    scan: Scan,
    config: DatasetConfig,
    root: Path,
    masks: Path | None,
    max_voxels: int,
) -> Mask | None:
    if config.brain_mask is None:
        return None
    cache = masks or root / "masks"
    return brain_mask(
        volume, scan, config.brain_mask, root=root, cache=cache, max_voxels=max_voxels
    )


def _find_labels(volume: Volume, scan: Scan, root: Path, max_voxels: int) -> Labels:
    if scan.label_path is None:
        raise DataError(
            f"scan '{Path(scan.path).name}' has no label map: expected one, as the dataset keeps "
            "labels. Add one, or set the dataset's labels to false."
        )
    labels = read_labels(root / scan.label_path, volume, max_voxels)
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high > _HIGHEST_LABEL:
        raise DataError(
            f"label map '{Path(scan.label_path).name}' has labels from {low} to {high}: expected "
            f"0 to {_HIGHEST_LABEL}. Number them anew, or set the dataset's labels to false."
        )
    return labels
