"""One look at each file: how it is stored, what its intensities are, what its slices hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from nibabel.affines import obliquity, voxel_sizes
from nibabel.orientations import aff2axcodes

from mrigen.data.masks.brain_mask import BrainMaskConfig, brain_mask
from mrigen.data.pictures import check_picture, read_picture
from mrigen.data.records import Plane
from mrigen.data.scans import LeftOut, Scan
from mrigen.data.survey.content import SliceContent, measure_content
from mrigen.data.survey.intensities import Intensities, describe_intensities
from mrigen.data.volumes.distribution import Distribution
from mrigen.data.volumes.headers import check_header
from mrigen.data.volumes.reading import Volume, read_channels
from mrigen.errors import DataError


@dataclass(frozen=True)
class FileFacts:
    """How a file is stored.

    Attributes
    ----------
    path
        Relative to the project.
    kind
        A volume or a picture of one slice; the next two are None for pictures.
    orientation
        Where each stored axis points, such as "PSR".
    tilt_degrees
        The largest angle between a stored axis and the direction it is taken for.
    shape
        Voxels along the stored axes, or rows and columns.
    spacing_mm
        Voxel size along the stored axes; None for pictures.
    dtype
        Of the stored numbers.
    channels
        Length of the fourth axis; None without one.
    """

    path: str
    kind: Literal["volume", "picture"]
    shape: tuple[int, ...]
    orientation: str | None = None
    tilt_degrees: float | None = None
    spacing_mm: tuple[float, float, float] | None = None
    dtype: str | None = None
    channels: int | None = None


@dataclass(frozen=True, eq=False)
class ScanMeasures:
    """What one scan holds: a whole file, or one channel of it.

    Attributes
    ----------
    digest
        Equal for equal images; None for pictures.
    nonfinite
        Voxels that were NaN or infinite and count as 0.
    content
        Its slices; None where they were not asked for.
    """

    modality: str
    site: str | None
    channel: int | None
    intensities: Intensities
    digest: str | None = None
    nonfinite: int = 0
    content: SliceContent | None = None


@dataclass(frozen=True, eq=False)
class FileMeasures:
    """A file with its scans; none where only the header was read."""

    facts: FileFacts
    scans: tuple[ScanMeasures, ...] = ()


@dataclass(frozen=True)
class Depth:
    """How closely files are looked at.

    Attributes
    ----------
    pixels
        Read the image; False reads the header alone.
    plane
        Measure the slices along this plane; None measures none.
    mask
        Where brain masks come from; None takes the mask files that the source names, if any.
    skull_strip
        Blacken what lies outside the mask before slices are measured, as the dataset does.
    masks
        Folder that keeps computed masks.
    """

    pixels: bool = True
    plane: Plane | None = None
    mask: BrainMaskConfig | None = None
    skull_strip: bool = False
    masks: Path | None = None


def measure_file(
    scans: Sequence[Scan], *, root: Path, max_voxels: int, depth: Depth
) -> FileMeasures | LeftOut:
    """Measure the scans of one file, reading it once.

    Parameters
    ----------
    scans
        All of one file.
    root
        The project's folder.
    max_voxels
        The most voxels the file may declare.
    depth
        How closely to look.

    Returns
    -------
    What was measured, or why the file cannot be used.
    """
    path = root / scans[0].path
    try:
        if scans[0].plane is not None:
            return _measure_picture(path, scans[0], max_voxels, depth)
        facts = volume_facts(path, scans[0].path, max_voxels)
        if not depth.pixels:
            return FileMeasures(facts)
        channels = [scan.channel for scan in scans]
        volumes = read_channels(path, channels, max_voxels=max_voxels)
        measured = [
            _measure_scan(volume, scan, root, max_voxels, depth)
            for volume, scan in zip(volumes, scans, strict=True)
        ]
    except DataError as error:
        return LeftOut(scans[0].path, str(error))
    return FileMeasures(facts, tuple(measured))


def volume_facts(path: Path, name: str, max_voxels: int) -> FileFacts:
    """Read and check the header of a NIfTI file.

    Raises
    ------
    DataError
        If `check_header` refuses it.
    """
    header = check_header(path, max_voxels)
    sizes = [float(size) for size in voxel_sizes(header.affine)]
    return FileFacts(
        path=name,
        kind="volume",
        shape=header.shape,
        orientation="".join(aff2axcodes(header.affine)),
        tilt_degrees=float(np.degrees(obliquity(header.affine).max())),
        spacing_mm=(sizes[0], sizes[1], sizes[2]),
        dtype=header.dtype.newbyteorder("=").name,
        channels=header.channels,
    )


def _measure_scan(
    volume: Volume, scan: Scan, root: Path, max_voxels: int, depth: Depth
) -> ScanMeasures:
    measures = ScanMeasures(
        modality=scan.modality,
        site=scan.site,
        channel=scan.channel,
        intensities=describe_intensities(Distribution.of_volume(volume)),
        digest=volume.digest,
        nonfinite=volume.nonfinite,
    )
    if depth.plane is None:
        return measures
    config = depth.mask or (BrainMaskConfig(by="file") if scan.mask_path else None)
    mask: npt.NDArray[np.bool_] | None = None
    if config is not None and depth.masks is not None:
        mask = brain_mask(volume, scan, config, root=root, cache=depth.masks, max_voxels=max_voxels)
    array = volume.array
    if mask is not None and depth.skull_strip:
        array[~mask] = 0
    return replace(measures, content=measure_content(array, depth.plane, mask))


def _measure_picture(path: Path, scan: Scan, max_voxels: int, depth: Depth) -> FileMeasures:
    facts = FileFacts(path=scan.path, kind="picture", shape=check_picture(path, max_voxels))
    if not depth.pixels:
        return FileMeasures(facts)
    pixels, bits = read_picture(path, max_voxels)
    content = None
    if depth.plane is not None:
        # As a volume of one slice.
        content = replace(measure_content(pixels[:, :, None], "axial"), plane=depth.plane)
    measures = ScanMeasures(
        modality=scan.modality,
        site=scan.site,
        channel=None,
        intensities=describe_intensities(Distribution.of_array(pixels)),
        content=content,
    )
    return FileMeasures(replace(facts, dtype=f"uint{bits}"), (measures,))
