"""What kind of file an upload is, told by its first bytes."""

from typing import Literal

from mrigen.errors import DataError

Kind = Literal["png", "npz", "nifti"]

GZIP = b"\x1f\x8b"
_PNG = b"\x89PNG\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_HEADER_SIZES = (348, 540)  # of NIfTI-1 and NIfTI-2
_SHOWN = 8


def recognise(content: bytes) -> Kind:
    r"""Tell what a file is; gzipped ones are taken for NIfTI.

    Raises
    ------
    DataError
        If it is empty, or begins like none of them.

    Examples
    --------
    >>> recognise(b"PK\x03\x04..."), recognise(b"\x1f\x8b...")
    ('npz', 'nifti')
    """
    if content.startswith(_PNG):
        return "png"
    if content.startswith(_ZIP):
        return "npz"
    first = {int.from_bytes(content[:4], order) for order in ("little", "big")}
    if content.startswith(GZIP) or first & set(_HEADER_SIZES):
        return "nifti"
    begins = f"begins with {content[:_SHOWN]!r}" if content else "is empty"
    raise DataError(
        f"the file {begins}: expected a PNG picture, an NPZ archive with 'images', or a NIfTI "
        "volume, plain or gzipped. Send one of them as the body."
    )
