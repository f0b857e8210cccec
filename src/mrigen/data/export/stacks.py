"""Stacks of slices that lie nowhere in a scanner, as NIfTI that can be written piece by piece."""

from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

# The most slices a NIfTI-1 file can count; a NIfTI-2 file counts more than a disk holds.
_MOST_SMALL = 2**15 - 1
_NO_EXTENSIONS = bytes(4)
_ALIGNED, _MM = 2, 2  # NIfTI's numbers for "aligned to something else" and "millimetres"


def stack_header(count: int, height: int, width: int, *, words: str) -> bytes:
    """Return what comes before the pixels of a stack: NIfTI-1, or NIfTI-2 for a large one.

    The array is (columns, rows, slices) float32. Its affine, with steps of 1, lets viewers show
    the slices as pictures: first row on top, first column on the left of a radiological display.

    Parameters
    ----------
    count
        Slices.
    height, width
        Of each in pixels.
    words
        The header's description; 79 characters are kept.
    """
    kind: type[Any] = nib.Nifti1Header if count <= _MOST_SMALL else nib.Nifti2Header
    header = kind(endianness="<")
    header.set_data_dtype(np.float32)
    header.set_data_shape((width, height, count))
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine[:2, 3] = width - 1, height - 1
    header.set_sform(affine, code=_ALIGNED)
    header.set_qform(affine, code=_ALIGNED)
    header["xyzt_units"] = _MM
    header["descrip"] = words.encode("ascii", "replace")[:79]
    header["magic"] = header.single_magic
    header.set_slope_inter(1, 0)
    header["cal_max"] = 1
    header.set_data_offset(header.single_vox_offset)
    return bytes(header.binaryblock) + _NO_EXTENSIONS


def stack_pixels(slices: npt.NDArray[np.float32]) -> bytes:
    """Return slices, (N, H, W), as they follow the header or each other."""
    # Columns run fastest in both.
    return slices.astype("<f4", copy=False).tobytes()
