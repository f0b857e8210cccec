"""NIfTI files to volumes in RAS+; what a header declares is checked before data is read."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import cast

import numpy as np
import numpy.typing as npt
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

from mrigen.data.held_file import File
from mrigen.data.volumes.headers import Header, check_header, reading
from mrigen.data.volumes.volume import FloatArray, Mask, Volume
from mrigen.errors import DataError

__all__ = [
    "FloatArray",
    "Mask",
    "Volume",
    "check_header",
    "read_channels",
    "read_labels",
]

MAX_NONFINITE_FRACTION = 0.01
# Affines are written with 32 bits, and in two forms that agree to rounding errors alone.
_MAX_SHIFT_VOXELS = 0.1
# The highest whole number up to which 32-bit floats hold all.
_HIGHEST_LABEL = 2**24
_CHUNK_BYTES = 2**20
_CHUNK_VOXELS = 2**18


def read_channels(
    path: File, channels: Sequence[int | None], *, max_voxels: int, flat: bool = False
) -> list[Volume]:
    """Read images of one file in RAS+, decompressing it once.

    Axes are flipped and swapped to the closest RAS+ directions; an oblique volume keeps its slices
    as they were scanned.

    Parameters
    ----------
    path
        A single-file NIfTI image.
    channels
        Which images of a 4-D file; None for the one of a 3-D file.
    max_voxels
        The most voxels the file may declare, over all its channels.
    flat
        Whether a single slice will do, as a volume that is one voxel thick.

    Returns
    -------
    In the order of `channels`.

    Raises
    ------
    DataError
        If `check_header` refuses the file, or its data is truncated, fails its checksum, is
        constant, or holds more than 1 % of NaN or infinite voxels.
    """
    header = check_header(path, max_voxels, flat=flat)
    for channel in channels:
        _check_channel(path, header, channel)
    stored = _read_stored(path, header, {channel or 0 for channel in channels})
    return [_checked(path, _canonical(header, stored[channel or 0])) for channel in channels]


def read_labels(path: File, like: Volume, max_voxels: int) -> npt.NDArray[np.integer]:
    """Read a label map or a mask that lies on the grid of a volume.

    Parameters
    ----------
    path
        A 3-D NIfTI image of whole numbers.
    like
        The volume.
    max_voxels
        The most voxels the file may declare.

    Returns
    -------
    (X, Y, Z) whole numbers, in the order of `like`.

    Raises
    ------
    DataError
        If the file cannot be read, has another shape or lies elsewhere, or holds fractions.
    """
    header = check_header(path, max_voxels)
    _check_channel(path, header, None)
    labels = _canonical(header, _read_stored(path, header, {0})[0])
    if labels.stored.shape != like.stored.shape:
        raise DataError(
            f"label map '{path.name}' has shape {labels.stored.shape} in RAS+: expected "
            f"{like.stored.shape}, that of its scan. Resample it to the scan's grid."
        )
    corners = np.array([*product(*((0, count - 1) for count in like.stored.shape))])
    apart = np.abs(apply_affine(labels.affine - like.affine, corners)).max()
    if apart > _MAX_SHIFT_VOXELS * min(like.spacing_mm):
        raise DataError(
            f"label map '{path.name}' lies up to {apart:.3g} mm beside its scan: expected the same "
            "grid. Resample it to the scan's grid."
        )
    return _whole_numbers(path, labels)


def _whole_numbers(path: File, labels: Volume) -> npt.NDArray[np.integer]:
    if labels.stored.dtype.kind in "iu" and (labels.slope, labels.intercept) == (1.0, 0.0):
        return cast("npt.NDArray[np.integer]", labels.stored)
    array = labels.array
    if not np.isfinite(array).all() or np.abs(array).max() > _HIGHEST_LABEL or (array % 1).any():
        raise DataError(
            f"label map '{path.name}' holds numbers that are not whole: expected a label for each "
            "voxel. Save it as a map of whole numbers."
        )
    return array.astype(np.int32)


def _read_stored(path: File, header: Header, wanted: set[int]) -> dict[int, bytes]:
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
    return stored


def _check_channel(path: File, header: Header, channel: int | None) -> None:
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


def _canonical(header: Header, data: bytes) -> Volume:
    stored = np.frombuffer(data, header.dtype).reshape(header.shape, order="F")
    orientation = io_orientation(header.affine)
    affine = header.affine @ inv_ornt_aff(orientation, header.shape)
    sizes = [float(size) for size in voxel_sizes(affine)]
    return Volume(
        stored=apply_orientation(stored, orientation),
        slope=header.slope,
        intercept=header.intercept,
        affine=affine,
        spacing_mm=(sizes[0], sizes[1], sizes[2]),
    )


def _checked(path: File, volume: Volume) -> Volume:
    nonfinite, low, high = _survey(volume)
    if nonfinite > MAX_NONFINITE_FRACTION * volume.stored.size:
        raise DataError(
            f"scan '{path.name}' has {nonfinite / volume.stored.size:.1%} NaN or infinite voxels: "
            f"expected at most {MAX_NONFINITE_FRACTION:.0%}. Re-export the volume, or remove it."
        )
    if nonfinite:
        low, high = min(low, 0), max(high, 0)
    if low == high:
        raise DataError(
            f"scan '{path.name}' is {low:g} everywhere: expected an image. "
            "Re-export the volume, or remove it."
        )
    return replace(volume, nonfinite=nonfinite) if nonfinite else volume


def _survey(volume: Volume) -> tuple[int, float, float]:
    """Return how many intensities are not finite, and the extremes of the others."""
    flat = volume.in_memory_order()
    if flat.dtype.kind in "iu":
        ends = volume.scale(np.array([flat.min(), flat.max()], flat.dtype))
        if np.isfinite(ends).all():
            return 0, float(ends.min()), float(ends.max())
    nonfinite, low, high = 0, np.inf, -np.inf
    for start in range(0, flat.size, _CHUNK_VOXELS):
        part = volume.scale(flat[start : start + _CHUNK_VOXELS])
        finite = np.isfinite(part)
        if not finite.all():
            part = part[finite]
            nonfinite += finite.size - part.size
        if part.size:
            low, high = min(low, float(part.min())), max(high, float(part.max()))
    return nonfinite, low, high
