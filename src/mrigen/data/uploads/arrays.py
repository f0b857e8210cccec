"""Stacks of slices from NPZ archives: what an archive declares is checked before it is read."""

import struct
import warnings
import zlib
from io import BytesIO
from math import prod
from threading import Lock
from tokenize import TokenError
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
import numpy.typing as npt

from mrigen.data.uploads.limits import check_amount
from mrigen.data.volumes.volume import FloatArray
from mrigen.errors import DataError

NAME = "images"

# The end of a ZIP archive without a comment, and of the table of its members; what stands before
# it in an archive of over 4 GiB.
_END, _LARGE_END = b"PK\x05\x06", b"PK\x06\x07"
_END_BYTES, _LARGE_END_BYTES = 22, 20
_MAX_TABLE_BYTES = 2**14
_MAX_HEADER_BYTES = 1024
_ENCRYPTED = 0x1
_WIDTHS = {"f": (4, 8), "u": (1, 2)}

# What the standard library and NumPy stumble over in a damaged archive.
_DAMAGE = (
    *(BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError),
    *(ValueError, LookupError, OverflowError, RecursionError, MemoryError, TypeError),
    *(SyntaxError, TokenError),
)

# NumPy reads headers with `ast.literal_eval`, and Python 3.11 fails now and then at syntax trees
# that two threads build at once (SystemError: AST constructor recursion depth mismatch). Filters
# of warnings are not for several threads either.
_ONE_AT_A_TIME = Lock()


def read_arrays(content: bytes, max_pixels: int) -> FloatArray:
    """Read the slices of an NPZ archive.

    Parameters
    ----------
    content
        The file; other arrays beside `images` are not looked at.
    max_pixels
        The most pixels that `images` may have.

    Returns
    -------
    (N, H, W) float32 in [0, 1]

    Raises
    ------
    TooLargeError
        If it declares too much.
    DataError
        If it is damaged, has no `images`, or these are not slices in [0, 1].
    """
    _check_table(content)
    try:
        with ZipFile(BytesIO(content)) as archive:
            member = _find(archive.infolist())
            with archive.open(member) as stream:
                return _read(stream, member.file_size, max_pixels)
    except DataError:
        raise
    except _DAMAGE:
        raise DataError(
            f"the NPZ archive is damaged, or its array '{NAME}' is: expected a whole file as "
            "numpy.savez writes it. Save it again."
        ) from None


def _check_table(content: bytes) -> None:
    # Before `zipfile` makes objects of its members, of which there may be a million.
    end = content[-_END_BYTES:]
    before = content[-_END_BYTES - _LARGE_END_BYTES : -_END_BYTES]
    if len(end) < _END_BYTES or not end.startswith(_END) or before.startswith(_LARGE_END):
        raise DataError(
            "the NPZ archive has no plain end: expected a whole file as numpy.savez writes it, of "
            "less than 4 GiB and without a comment. Save it again."
        )
    size = int.from_bytes(end[12:16], "little")
    if size > _MAX_TABLE_BYTES:
        raise DataError(
            f"the NPZ archive has a table of members of {size} bytes: expected at most "
            f"{_MAX_TABLE_BYTES}. Save the array '{NAME}' by itself."
        )


def _find(members: list[ZipInfo]) -> ZipInfo:
    found = [member for member in members if member.filename == f"{NAME}.npy"]
    if len(found) != 1:
        raise DataError(
            f"the NPZ archive has {len(found)} arrays '{NAME}' among {len(members)}: expected "
            f"one. Save the slices with numpy.savez(file, {NAME}=...)."
        )
    (member,) = found
    if member.flag_bits & _ENCRYPTED or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise DataError(
            f"the array '{NAME}' is encrypted or packed by method {member.compress_type}: expected "
            "it stored (0) or deflated (8). Save it again with numpy.savez."
        )
    return member


def _read(stream: IO[bytes], size: int, max_pixels: int) -> FloatArray:
    shape, fortran, dtype = _read_header(stream)
    if dtype.kind not in _WIDTHS or dtype.itemsize not in _WIDTHS[dtype.kind]:
        raise DataError(
            f"the array '{NAME}' is of type {str(dtype)[:40]!a}: expected float32, float64, uint8 "
            "or uint16."
        )
    sizes = _sizes(shape)
    check_amount(f"the array '{NAME}'", sizes, max_pixels)
    wanted = prod(shape) * dtype.itemsize
    left = size - stream.tell()
    # One byte more, so that the end is reached, and with it the checksum.
    data = stream.read(wanted + 1) if left == wanted else b""
    if len(data) != wanted:
        raise DataError(
            f"the array '{NAME}' has {len(data) or left} bytes of data: expected {wanted} for the "
            f"shape {shape} of {dtype.name}. Save it again."
        )
    stored = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return _shares(stored.reshape(sizes))


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    version = np.lib.format.read_magic(stream)
    # Headers of later versions may be of gigabytes, and are for arrays with many fields.
    if version != (1, 0):
        raise ValueError(version)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # Of headers as Python 2 wrote them, and of odd ones.
        warnings.simplefilter("ignore")
        return np.lib.format.read_array_header_1_0(stream, max_header_size=_MAX_HEADER_BYTES)


def _sizes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    whole = shape
    if len(shape) == 4 and shape[1] == 1:
        shape = (shape[0], *shape[2:])
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or shape[0] < 1 or min(shape[1:]) < 2:
        raise DataError(
            f"the array '{NAME}' has shape {str(whole)[:60]}: expected (N, H, W), (N, 1, H, W) or "
            "(H, W) with sides of two or more pixels."
        )
    return shape[0], shape[1], shape[2]


def _shares(stored: npt.NDArray[np.generic]) -> FloatArray:
    if stored.dtype.kind == "u":
        limit = np.iinfo(str(stored.dtype)).max
        return stored.astype(np.float32) / np.float32(limit)
    low, high = float(stored.min()), float(stored.max())  # NaN where there is one
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"the array '{NAME}' has values from {low:g} to {high:g}: expected numbers from 0 to 1 "
            "for floating-point slices. Scale them, or send uint8 or uint16."
        )
    return np.array(stored, np.float32, order="C")
