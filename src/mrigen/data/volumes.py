"""NIfTI files to arrays in RAS+; what a header declares is checked before data is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

from mrigen.data.headers import Affine, Header, check_header, reading
from mrigen.errors import DataError

__all__ = ["Volume", "check_header", "read_channels", "read_volume"]

FloatArray = npt.NDArray[np.float32]

MAX_NONFINITE_FRACTION = 0.01
_CHUNK_BYTES = 2**20


@dataclass(frozen=True, eq=False)
class Volume:
    """One 3-D image in canonical orientation.

    Attributes
    ----------
    array : (X, Y, Z) float32
        Finite intensities; x grows to the patient's right, y to the front, z to the top.
    affine : (4, 4) float64
        Voxel indices to millimetres in RAS+.
    spacing_mm
        Voxel size along x, y and z.
    nonfinite
        Voxels that were NaN or infinite in the file and are 0 here.
    """

    array: FloatArray
    affine: Affine
    spacing_mm: tuple[float, float, float]
    nonfinite: int = 0


def read_volume(path: Path, *, channel: int | None = None, max_voxels: int = 2**28) -> Volume:
    """Read one 3-D image in RAS+.

    Parameters
    ----------
    path
        A single-file NIfTI image.
    channel
        Which image of a 4-D file; None for a 3-D file.
    max_voxels
        The most voxels the file may declare.

    Raises
    ------
    DataError
        If `check_header` refuses the file, or its data is truncated, fails its checksum, is
        constant, or holds more than 1 % of NaN or infinite voxels.
    """
    return read_channels(path, [channel], max_voxels=max_voxels)[0]


def read_channels(path: Path, channels: Sequence[int | None], *, max_voxels: int) -> list[Volume]:
    """Read several channels of one file, decompressing it once.

    Parameters and errors are those of `read_volume`. The order of the answer is the order of
    `channels`. Axes are flipped and swapped to the closest RAS+ directions; an oblique volume
    keeps its slices as they were scanned.
    """
    header = check_header(path, max_voxels)
    for channel in channels:
        _check_channel(path, header, channel)
    wanted = {channel or 0 for channel in channels}
    block = prod(header.shape) * header.dtype.itemsize
    stored: dict[int, bytes] = {}
    with reading(path) as stream:
        stream.read(header.offset)
        for channel in range(header.channels or 1):
            data = stream.read(block)
            if len(data) < block:
                raise DataError(
                    f"scan '{path.name}' ends after {channel * block + len(data)} of "
                    f"{(header.channels or 1) * block} bytes of image data. Copy it again."
                )
            if channel in wanted:
                stored[channel] = data
        # The checksum of a gzip file is compared when its end is reached.
        stream.read(_CHUNK_BYTES)
    return [_to_volume(path, header, stored[channel or 0]) for channel in channels]


def _check_channel(path: Path, header: Header, channel: int | None) -> None:
    if channel is None and header.channels is not None:
        raise DataError(
            f"scan '{path.name}' has four dimensions, shape {(*header.shape, header.channels)}: "
            "expected three. Keep one volume of it, or declare the layout that has channels."
        )
    if channel is not None and channel >= (header.channels or 1):
        raise DataError(
            f"scan '{path.name}' has {header.channels or 1} channels: channel {channel} was asked "
            "for. Correct the modalities in dataset.json, or re-export the volume."
        )


def _to_volume(path: Path, header: Header, data: bytes) -> Volume:
    stored = np.frombuffer(data, header.dtype).reshape(header.shape, order="F")
    with np.errstate(over="ignore", invalid="ignore"):
        array = stored.astype(np.float32)
        if (header.slope, header.intercept) != (1.0, 0.0):
            array = array * np.float32(header.slope) + np.float32(header.intercept)
    finite = np.isfinite(array)
    nonfinite = array.size - int(np.count_nonzero(finite))
    if nonfinite > MAX_NONFINITE_FRACTION * array.size:
        raise DataError(
            f"scan '{path.name}' has {nonfinite / array.size:.1%} NaN or infinite voxels: expected "
            f"at most {MAX_NONFINITE_FRACTION:.0%}. Re-export the volume, or remove it."
        )
    if nonfinite:
        array = np.where(finite, array, np.float32(0))
    if array.min() == array.max():
        raise DataError(
            f"scan '{path.name}' is {array.flat[0]:g} everywhere: expected an image. "
            "Re-export the volume, or remove it."
        )
    orientation = io_orientation(header.affine)
    affine = header.affine @ inv_ornt_aff(orientation, header.shape)
    sizes = [float(size) for size in voxel_sizes(affine)]
    return Volume(
        array=apply_orientation(array, orientation),
        affine=affine,
        spacing_mm=(sizes[0], sizes[1], sizes[2]),
        nonfinite=nonfinite,
    )
