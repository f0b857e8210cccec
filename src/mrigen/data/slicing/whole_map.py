"""A map over a volume as a NIfTI file on the grid of the file that it was made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
from isal import igzip
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

from mrigen.atomic import atomic_file
from mrigen.data.held_file import File
from mrigen.data.volumes.headers import Header, check_header, reading
from mrigen.data.volumes.volume import FloatArray

ENDINGS = (".nii", ".nii.gz")

# Everything that says where voxels lie; nothing that may say whose they are.
_GRID_FIELDS = (
    *("qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("sform_code", "srow_x", "srow_y", "srow_z"),
)
# Of the standard: orientations in other words than its own are to some other space.
_LAST_CODE, _ALIGNED = 5, 2
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_SPATIAL_UNITS = 7  # the bits of xyzt_units that are not about time


def stored_order(array: FloatArray, header: Header) -> FloatArray:
    """Turn an array in RAS+ the way a file stores its own.

    Parameters
    ----------
    array : (X, Y, Z)
        On the grid that `read_channels` makes of the file.
    header
        Of the file.
    """
    ras = io_orientation(np.eye(4))
    answer = apply_orientation(array, ornt_transform(ras, io_orientation(header.affine)))
    return np.asarray(answer, np.float32)


def write_map(path: Path, array: FloatArray, *, like: Path, max_voxels: int, words: str) -> None:
    """Write a map as a NIfTI file, whole or not at all.

    Parameters
    ----------
    path
        Ends with one of `ENDINGS`; a file that stands there is replaced.
    array, like, words
        As of `encode_map`.
    max_voxels
        The most voxels that `like` may declare.

    Raises
    ------
    DataError
        If `like` cannot be read.
    """
    header = check_header(like, max_voxels)
    content = encode_map(array, like=like, header=header, words=words, packed=path.suffix == ".gz")
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def encode_map(array: FloatArray, *, like: File, header: Header, words: str, packed: bool) -> bytes:
    """Make a NIfTI file of a map.

    Grid, affine and unit of length are those of another file, bit by bit; texts and extensions of
    its header, which may name a person, are left behind. The same map gives the same bytes.

    Parameters
    ----------
    array : (X, Y, Z) float32
        In RAS+, on the grid that `read_channels` makes of `like`.
    like, header
        The file that the map belongs to, and what `check_header` says of it.
    words
        What the map is, for its header; at most 79 letters.
    packed
        Whether to gzip it.
    """
    stored = stored_order(array, header)
    source = _source_header(like)
    if source["dim"][0] == 2:
        stored = stored[:, :, 0]
    made = _grid_header(source, stored.shape, words)
    image: nib.Nifti1Image
    if isinstance(made, Nifti2Header):
        image = nib.Nifti2Image(stored, None, made)
    else:
        image = nib.Nifti1Image(stored, None, made)
    content: bytes = image.to_bytes()
    # No time and no name inside.
    return igzip.compress(content, mtime=0) if packed else content


def _source_header(path: File) -> Nifti1Header:
    with reading(path) as stream:
        block = stream.read(Nifti2Header.sizeof_hdr)
    for order in _ORDERS:
        for kind in (Nifti1Header, Nifti2Header):
            if int.from_bytes(block[:4], order) == kind.sizeof_hdr:
                # Unchecked: what is used of it has been looked at, and what is not may be wrong.
                content = block[: kind.sizeof_hdr]
                return kind(content, order, check=False)  # type: ignore[no-untyped-call]
    raise AssertionError(f"'{path}' had a header when it was checked")


def _grid_header(source: Nifti1Header, shape: Sequence[int], words: str) -> Nifti1Header:
    header = type(source)()
    header.set_data_dtype(np.float32)
    header.set_data_shape(shape)
    for name in _GRID_FIELDS:
        header[name] = source[name]
    for name in ("qform_code", "sform_code"):
        if header[name] > _LAST_CODE or header[name] < 0:
            # nibabel would take the orientation away, and say so.
            header[name] = _ALIGNED if header[name] > 0 else 0
    header["pixdim"][1:4] = source["pixdim"][1:4]
    # The standard takes whatever else a file has there for 1.
    header["pixdim"][0] = -1 if source["pixdim"][0] == -1 else 1
    header["xyzt_units"] = int(source["xyzt_units"]) & _SPATIAL_UNITS
    header["descrip"] = words.encode()
    return header
