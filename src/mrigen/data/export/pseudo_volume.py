"""Generated slices, one above the other, as a NIfTI volume that viewers take for a head."""

import nibabel as nib
import numpy as np
import numpy.typing as npt
from isal import igzip
from nibabel.nifti1 import Nifti1Extension

from mrigen.data.volumes.headers import Affine

#: What a file of a volume is called.
ENDINGS = (".nii", ".nii.gz")

#: The whole number that white becomes; black is 0.
WHITE = 1000

# NIfTI's numbers for "aligned to something else", "millimetres" and "a comment".
_ALIGNED, _MM, _COMMENT = 2, 2, 6
_LONGEST = 79  # characters of a description


def encode_pseudo_volume(
    slices: npt.NDArray[np.float32], affine: Affine, *, words: str, comment: str, packed: bool
) -> bytes:
    """Make a NIfTI file of slices; the same slices and words are the same bytes.

    The array is (columns, rows, slices) in int16 from 0 to `WHITE`, as scanners give whole
    numbers: some viewers set their window in steps of 1, and some programs cut off what stands
    after the point.

    Parameters
    ----------
    slices : (N, H, W) float32 in [0, 1]
        At most 32767.
    affine : (4, 4)
        (column, row, slice, 1) to millimetres in RAS+.
    words
        The header's description; 79 characters are kept.
    comment
        Goes into an extension of the header: how the slices were made.
    packed
        Whether to gzip it.
    """
    array = np.rint(slices * WHITE).astype(np.int16).transpose(2, 1, 0)
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, code=_ALIGNED)
    image.set_qform(affine, code=_ALIGNED)
    image.header["xyzt_units"] = _MM
    image.header["descrip"] = words.encode("ascii", "replace")[:_LONGEST]
    image.header.set_slope_inter(1, 0)
    image.header["cal_max"] = WHITE
    # Extensions are filled up with zeros, which readers show; spaces they do not.
    text = comment.encode()
    text += b" " * (-(len(text) + 8) % 16)
    image.header.extensions.append(Nifti1Extension(_COMMENT, text))
    content: bytes = image.to_bytes()
    # No time and no name inside.
    return igzip.compress(content, mtime=0) if packed else content
