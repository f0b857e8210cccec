"""NIfTI files to volumes in RAS+; what a header declares is checked before data is read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
from nibabel.affines import voxel_sizes
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

from mrigen.data.headers import Affine, Header, check_header, reading
from mrigen.errors import DataError

__all__ = ["FloatArray", "Mask", "Volume", "check_header", "read_channels", "read_volume"]

FloatArray = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
StoredArray = npt.NDArray[np.generic]

MAX_NONFINITE_FRACTION = 0.01
_CHUNK_BYTES = 2**20
_CHUNK_VOXELS = 2**18


@dataclass(frozen=True, eq=False)
class Volume:
    """One 3-D image in canonical orientation, its numbers as the file stores them.

    Attributes
    ----------
    stored : (X, Y, Z) integer or float
        The file's numbers, read-only; x grows to the patient's right, y to the front, z to the
        top. Intensities are `slope * stored + intercept`.
    slope, intercept
        Stored numbers to intensities.
    affine : (4, 4) float64
        Voxel indices to millimetres in RAS+.
    spacing_mm
        Voxel size along x, y and z.
    nonfinite
        Voxels that were NaN or infinite in the file and are 0 among the intensities.
    """

    stored: StoredArray
    slope: float
    intercept: float
    affine: Affine
    spacing_mm: tuple[float, float, float]
    nonfinite: int = 0

    def intensities(self, indices: npt.ArrayLike | None = None, axis: int = 2) -> FloatArray:
        """Scale slices as the file says.

        Parameters
        ----------
        indices : (N,) int
            Which slices along `axis`; None takes all.
        axis
            0, 1 or 2: x, y or z.

        Returns
        -------
        (N, A, B) float32
            Finite. The slice axis comes first; the other two keep their order.
        """
        moved = np.moveaxis(self.stored, axis, 0)
        chosen = moved if indices is None else moved[np.asarray(indices, np.intp)]
        return self.scale(chosen)

    def scale(self, stored: StoredArray) -> FloatArray:
        """Scale some of the stored numbers to intensities, NaN and infinities to 0."""
        with np.errstate(over="ignore", invalid="ignore"):
            array = stored.astype(np.float32)
            if (self.slope, self.intercept) != (1.0, 0.0):
                array *= np.float32(self.slope)
                array += np.float32(self.intercept)
        if self.nonfinite:
            array[~np.isfinite(array)] = 0
        return array

    @property
    def array(self) -> FloatArray:
        """All intensities, (X, Y, Z) float32 and finite."""
        return self.scale(self.stored)

    def in_memory_order(self) -> StoredArray:
        """Return the stored numbers, (X * Y * Z,), in the order of the file, without a copy."""
        return _flat(self.stored)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of the stored numbers, their grid and their scaling."""
        digest = sha256(np.ascontiguousarray(self.in_memory_order()).view(np.uint8).data)
        described = (self.stored.shape, self.stored.strides, self.stored.dtype.str)
        digest.update(repr((*described, self.slope, self.intercept)).encode())
        digest.update(np.ascontiguousarray(self.affine, "<f8").tobytes())
        return digest.hexdigest()


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
    stored = _read_stored(path, header, {channel or 0 for channel in channels})
    return [_checked(path, _canonical(header, stored[channel or 0])) for channel in channels]


def _read_stored(path: Path, header: Header, wanted: set[int]) -> dict[int, bytes]:
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


def _checked(path: Path, volume: Volume) -> Volume:
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


def _flat(array: StoredArray) -> StoredArray:
    # Flipped and swapped axes put back as they lie in memory, so that flattening copies nothing.
    steps = tuple(slice(None, None, 1 if stride > 0 else -1) for stride in array.strides)
    order = np.argsort([-abs(stride) for stride in array.strides], kind="stable")
    return array[steps].transpose(order).reshape(-1)
