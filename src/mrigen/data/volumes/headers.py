"""NIfTI headers, every number checked before any image data is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
from isal import igzip, isal_zlib
from nibabel.affines import voxel_sizes
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError

from mrigen.data.held_file import File
from mrigen.errors import DataError

Affine = npt.NDArray[np.float64]

SPACING_LIMITS_MM = (0.05, 20.0)
# Below this share of the volume of a straight box, an affine is too skewed to have axes.
_MIN_BOX_FRACTION = 0.1
_MAX_EXTENSION_BYTES = 2**24
_DAMAGE = cast("tuple[type[Exception], ...]", (OSError, EOFError, isal_zlib.error))


@dataclass(frozen=True, eq=False)
class Header:
    """What a NIfTI file declares about itself, checked.

    Attributes
    ----------
    shape
        Voxels along the three axes, as stored.
    channels
        Length of the fourth axis; None for a 3-D file.
    affine : (4, 4) float64
        Voxel indices, as stored, to millimetres in RAS+.
    dtype
        Of the stored numbers, with their byte order.
    slope, intercept
        Stored numbers to intensities.
    offset
        Bytes before the first voxel.
    """

    shape: tuple[int, int, int]
    channels: int | None
    affine: Affine
    dtype: np.dtype[np.generic]
    slope: float
    intercept: float
    offset: int


def check_header(path: File, max_voxels: int, *, flat: bool = False) -> Header:
    """Read and check a NIfTI header; no voxel is decompressed.

    Parameters
    ----------
    path
        A single-file NIfTI-1 or NIfTI-2 image, `.nii` or `.nii.gz`.
    max_voxels
        The most voxels the file may declare, over all its channels.
    flat
        Whether a single slice will do: a 2-D image, or one that is one voxel thick.

    Raises
    ------
    DataError
        If the header is damaged, declares no 3-D or 4-D image of ordinary numbers, declares
        too many voxels, states no orientation, or has an impossible geometry.
    """
    with reading(path) as stream:
        block = stream.read(Nifti2Header.sizeof_hdr)
    header = _parse(path, block)
    shape, channels = _shape(path, header, max_voxels, flat=flat)
    offset = float(header["vox_offset"]) or header.single_vox_offset
    if not header.sizeof_hdr <= offset <= _MAX_EXTENSION_BYTES:
        raise DataError(
            f"scan '{path.name}' puts its first voxel at byte {offset:g}: expected "
            f"{header.single_vox_offset} to {_MAX_EXTENSION_BYTES}. Re-export the volume."
        )
    slope, intercept = _scaling(path, header)
    return Header(
        shape=shape,
        channels=channels,
        affine=_affine(path, header),
        dtype=_dtype(path, header),
        slope=slope,
        intercept=intercept,
        offset=int(offset),
    )


@contextmanager
def reading(path: File) -> Iterator[BinaryIO]:
    """Open a file, plain or gzipped by its name; what goes wrong in the block is a `DataError`."""
    try:
        if path.is_fifo():
            raise OSError("a pipe, for which one would wait for ever")
        with path.open("rb") as file:
            if path.suffix.lower() == ".gz":
                with igzip.IGzipFile(fileobj=file, mode="rb") as stream:
                    yield cast("BinaryIO", stream)
            else:
                yield file
    except _DAMAGE as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"scan '{path.name}' cannot be read ({problem}): expected a whole NIfTI file. "
            "Copy it again from its source, or remove it."
        ) from None


def _parse(path: File, block: bytes) -> Nifti1Header:
    for header_type in (Nifti1Header, Nifti2Header):
        for endianness in "<>":
            size = int(np.frombuffer(block[:4].ljust(4, b"\0"), f"{endianness}i4")[0])
            if size == header_type.sizeof_hdr and len(block) >= size:
                header = header_type(block[:size], endianness, check=False)  # type: ignore[no-untyped-call]
                if header["magic"].item()[:2] == b"n+":
                    return header
    raise DataError(
        f"scan '{path.name}' has no NIfTI header in its first {len(block)} bytes. "
        "Re-export the volume as .nii.gz, or remove it."
    )


def _shape(
    path: File, header: Nifti1Header, max_voxels: int, *, flat: bool
) -> tuple[tuple[int, int, int], int | None]:
    dimensions = [int(length) for length in header["dim"]]
    shape = tuple(dimensions[1 : dimensions[0] + 1]) if 1 <= dimensions[0] <= 7 else ()
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if flat and len(shape) == 2:
        shape = (*shape, 1)
    thick = sorted(shape[:3])[1:] if flat else shape[:3]
    if len(shape) not in (3, 4) or min(thick, default=0) < 2 or min(shape) < 1:
        raise DataError(
            f"scan '{path.name}' has shape {shape}: expected three dimensions of two or more "
            "voxels, and a fourth for channels at most. Remove it or re-export the volume."
        )
    if prod(shape) > max_voxels:
        raise DataError(
            f"scan '{path.name}' declares {prod(shape)} voxels, shape {shape}: expected at most "
            f"{max_voxels}. Remove it, or raise max_voxels of its source."
        )
    return (shape[0], shape[1], shape[2]), (shape[3] if len(shape) == 4 else None)


def _dtype(path: File, header: Nifti1Header) -> np.dtype[np.generic]:
    try:
        dtype = header.get_data_dtype()
        supported = dtype.kind in "iuf" and dtype.itemsize <= 8
    except (HeaderDataError, KeyError):
        supported = False
    if not supported:
        raise DataError(
            f"scan '{path.name}' stores data of type code {int(header['datatype'])}: expected "
            "whole or floating-point numbers of up to 64 bits. Re-export the volume."
        )
    return cast("np.dtype[np.generic]", dtype)


def _scaling(path: File, header: Nifti1Header) -> tuple[float, float]:
    try:
        slope, intercept = header.get_slope_inter()
    except HeaderDataError as error:
        raise DataError(
            f"scan '{path.name}' has an impossible intensity scaling ({error}). "
            "Re-export the volume."
        ) from None
    return (1.0, 0.0) if slope is None else (float(slope), float(intercept))


def _affine(path: File, header: Nifti1Header) -> Affine:
    if header["sform_code"] <= 0 and header["qform_code"] <= 0:
        raise DataError(
            f"scan '{path.name}' states no orientation (sform_code and qform_code are 0), so left "
            "and right cannot be told apart. Re-export the volume with its orientation."
        )
    if abs(header["pixdim"][0]) != 1:
        header["pixdim"][0] = 1  # as the NIfTI standard asks for any other value
    # The standard asks for sizes above 0; a sign there may stand for an axis that is flipped, or
    # for nothing, and left and right are not to be guessed.
    stated = np.asarray(header["pixdim"][1:4], np.float64)
    if not (stated > 0).all():
        raise _impossible(path, stated)
    # Huge and undefined numbers are refused below, and need no warning before.
    with np.errstate(all="ignore"):
        try:
            affine = np.asarray(header.get_best_affine(), np.float64)
        except (HeaderDataError, ValueError):
            affine = np.full((4, 4), np.nan)
        spacing = voxel_sizes(affine)
    low, high = SPACING_LIMITS_MM
    sane = bool(np.isfinite(affine).all() and (spacing >= low).all() and (spacing <= high).all())
    if not sane or abs(np.linalg.det(affine[:3, :3])) < _MIN_BOX_FRACTION * prod(spacing):
        raise _impossible(path, spacing)
    return affine


def _impossible(path: File, spacing: npt.NDArray[np.float64]) -> DataError:
    low, high = SPACING_LIMITS_MM
    sizes = " x ".join(f"{size:g}" for size in spacing)
    return DataError(
        f"scan '{path.name}' has an impossible geometry (voxels of {sizes} mm): expected an "
        f"invertible affine with voxels of {low:g} to {high:g} mm. Re-export the volume."
    )
