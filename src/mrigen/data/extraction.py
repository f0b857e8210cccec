"""One scan to square slices and their records."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrigen.data.dataset import DatasetConfig
from mrigen.data.geometry import axial_pictures
from mrigen.data.intensity import find_levels
from mrigen.data.records import Pixels, ScanSlices, SliceRecord
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.selection import SelectionConfig, positions_mm, select_positions
from mrigen.data.volumes import FloatArray, Volume, read_channels
from mrigen.errors import DataError


def extract_slices(
    scan: Scan, config: DatasetConfig, *, root: Path, max_voxels: int = 2**28
) -> ScanSlices:
    """Cut one scan into slices.

    Parameters
    ----------
    scan
        The image, with its path relative to `root`.
    config
        What to cut.
    root
        The project's folder.
    max_voxels
        The most voxels the file may declare.

    Raises
    ------
    DataError
        If the file cannot be read as an image, or the selection keeps none of its slices.
    """
    volume = read_channels(root / scan.path, [scan.channel], max_voxels=max_voxels)[0]
    return cut_volume(volume, scan, config)


def extract_file(
    scans: Sequence[Scan], *, config: DatasetConfig, root: Path, max_voxels: int
) -> list[ScanSlices | LeftOut]:
    """Cut the scans of one file, decompressing it once; what cannot be used says why."""
    path = scans[0].path
    channels = [scan.channel for scan in scans]
    try:
        volumes = read_channels(root / path, channels, max_voxels=max_voxels)
    except DataError as error:
        return [LeftOut(path, str(error))]
    outcomes: list[ScanSlices | LeftOut] = []
    for volume, scan in zip(volumes, scans, strict=True):
        try:
            outcomes.append(cut_volume(volume, scan, config))
        except DataError as error:
            outcomes.append(LeftOut(path, str(error)))
    return outcomes


def cut_volume(volume: Volume, scan: Scan, config: DatasetConfig) -> ScanSlices:
    """Cut a volume that has been read; the parameters and errors of `extract_slices`."""
    count, spacing = volume.array.shape[2], volume.spacing_mm
    chosen = select_positions(config.selection, count, spacing[2])
    if not len(chosen):
        raise DataError(
            f"scan '{Path(scan.path).name}' has {count} axial slices, of which the selection "
            f"{_words(config.selection)} keeps none: change the dataset's selection."
        )
    levels = find_levels(volume.array, config.intensity, name=Path(scan.path).name)
    scaled = levels.scale(volume.array[:, :, chosen])
    pictures, pixel_mm = axial_pictures(scaled, spacing[:2], size=config.size)
    foreground = (pictures > levels.foreground).mean(axis=(1, 2))
    places = positions_mm(count, spacing[2])
    records = [
        SliceRecord(
            subject=scan.subject,
            source=scan.source,
            modality=scan.modality,
            plane=config.plane,
            index=int(index),
            position_mm=float(places[index]),
            spacing_mm=spacing[2],
            pixel_height_mm=pixel_mm,
            pixel_width_mm=pixel_mm,
            foreground_fraction=float(share),
            brain_fraction=None,
            label_fraction=None,
            age=scan.age,
            sex=scan.sex,
            ethnicity=scan.ethnicity,
            site=scan.site,
            declared_split=scan.split,
            path=scan.path,
            channel=scan.channel,
        )
        for index, share in zip(chosen, foreground, strict=True)
    ]
    return ScanSlices(_quantise(pictures, config.bits), records, _notes(volume, scan))


def _quantise(pictures: FloatArray, bits: int) -> Pixels:
    dtype = np.uint8 if bits == 8 else np.uint16
    scaled: Pixels = np.rint(pictures * np.float32(np.iinfo(dtype).max)).astype(dtype)
    return scaled


def _notes(volume: Volume, scan: Scan) -> tuple[str, ...]:
    if not volume.nonfinite:
        return ()
    return (f"{scan.path} ({scan.modality}): {volume.nonfinite} NaN or infinite voxels became 0",)


def _words(selection: SelectionConfig) -> str:
    unit = {"index": "", "fraction": " of the axis", "mm": " mm"}[selection.by]
    return f"{selection.start:g} to {selection.stop:g}{unit}"
